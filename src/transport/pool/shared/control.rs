//! Messages to the task of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::sync::mpsc;

use crate::transport::pool::request_sender::RequestSender;

/// Message to the task of a connection.
#[derive(Debug)]
pub(in crate::transport::pool) enum Control {
    /// Close at once.
    Abort,
    /// Check the idle timeout and the maximum duration.
    Check,
    /// Put the sender back into the pool once it is ready for another request.
    Return(RequestSender),
}

/// Sender of messages to the task of a connection, which closes the connection when this is dropped.
#[derive(Debug)]
pub(in crate::transport::pool) struct ControlSender {
    sender: mpsc::Sender<Control>,
    /// Number of messages so far; the end is one.
    sent: Arc<AtomicUsize>,
}

/// Receiver of the messages to the task of a connection.
///
/// Nearly all polls of the task find none, so a number is compared before the channel is asked.
#[derive(Debug)]
pub(in crate::transport::pool) struct ControlReceiver {
    received: usize,
    receiver: mpsc::Receiver<Control>,
    sent: Arc<AtomicUsize>,
    /// Waker that the channel has.
    waker: Option<Waker>,
}

pub(super) fn channel() -> (ControlSender, ControlReceiver) {
    // One slot for each kind of message.
    let (sender, receiver) = mpsc::channel(3);
    let sent = Arc::new(AtomicUsize::new(0));
    let control = ControlReceiver {
        received: 0,
        receiver,
        sent: Arc::clone(&sent),
        waker: None,
    };
    (ControlSender { sender, sent }, control)
}

impl ControlSender {
    /// Sends a message; if the channel is full or closed, it is dropped.
    pub(super) fn send(&self, message: Control) {
        // Before the message: the task is woken by the channel, and must not miss it then.
        self.sent.fetch_add(1, Ordering::AcqRel);
        if self.sender.try_send(message).is_err() {
            self.sent.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for ControlSender {
    fn drop(&mut self) {
        // Before the channel is closed, for the same reason.
        self.sent.fetch_add(1, Ordering::AcqRel);
    }
}

impl ControlReceiver {
    /// Polls for the next message; `None` means that the pool does not need the connection any more.
    pub(in crate::transport::pool) fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Control>> {
        let is_registered = self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()));
        if is_registered && self.sent.load(Ordering::Acquire) == self.received {
            return Poll::Pending;
        }
        let polled = self.receiver.poll_recv(cx);
        match &polled {
            Poll::Pending if !is_registered => self.waker = Some(cx.waker().clone()),
            Poll::Pending | Poll::Ready(None) => {}
            Poll::Ready(Some(_)) => self.received = self.received.wrapping_add(1),
        }
        polled
    }
}
