//! Task that drives a connection until it is closed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use tokio::sync::oneshot;

use super::body::Sent;
use super::io::GRACE;
use crate::foundation::time::clock;
use crate::foundation::time::timer::Timer;
use crate::transport::pool::machine::PoolId;
use crate::transport::pool::request_sender::RequestSender;
use crate::transport::pool::shared::Shared;
use crate::transport::pool::shared::control::{Control, ControlReceiver};
use crate::transport::pool::tasks::{OwnTasks, Tasks};

/// The hyper future that drives a connection.
pub(in crate::transport::pool) enum ConnectionDriver<T: Read + Write + Send + Unpin + 'static> {
    Many(Box<Http2Driver<T>>),
    // Boxed: hyper's type has no public name.
    One(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Driver of an HTTP/2 connection.
pub(in crate::transport::pool) struct Http2Driver<T: Read + Write + Send + Unpin + 'static> {
    conn: Option<http2::Connection<T, Sent, Tasks>>,
    preface: Option<oneshot::Receiver<()>>,
    streams: usize,
    tasks: OwnTasks,
}

impl<T: Read + Write + Send + Unpin + 'static> ConnectionDriver<T> {
    /// Creates the driver of an HTTP/2 connection; `preface` completes once the peer's SETTINGS
    /// have been parsed.
    pub(in crate::transport::pool) fn many(
        conn: http2::Connection<T, Sent, Tasks>,
        preface: oneshot::Receiver<()>,
        tasks: OwnTasks,
    ) -> Self {
        Self::Many(Box::new(Http2Driver {
            conn: Some(conn),
            preface: Some(preface),
            streams: 0,
            tasks,
        }))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Many(many) => many.poll(cx),
            Self::One(conn) => conn.as_mut().poll(cx),
        }
    }

    /// Returns the maximum number of concurrent requests if it has changed.
    fn widened(&mut self, cx: &mut Context<'_>) -> Option<u32> {
        match self {
            Self::Many(many) => many.widened(cx),
            Self::One(_) => None,
        }
    }
}

impl<T: Read + Write + Send + Unpin + 'static> Http2Driver<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(conn) = &mut self.conn {
            ready!(Pin::new(conn).poll(cx)).ok();
            self.conn = None;
        }
        // The tasks may still have frames to send, such as GOAWAY.
        self.tasks.poll_ended(cx)
    }

    fn widened(&mut self, cx: &mut Context<'_>) -> Option<u32> {
        let conn = self.conn.as_ref()?;
        // Before the peer's SETTINGS, the number is hyper's initial value.
        if let Some(preface) = &mut self.preface {
            if Pin::new(preface).poll(cx).is_pending() {
                return None;
            }
            self.preface = None;
        }
        let streams = conn.current_max_send_streams();
        let has_changed = streams != self.streams;
        self.streams = streams;
        has_changed.then(|| u32::try_from(streams).unwrap_or(u32::MAX))
    }
}

struct Driver<'a, T: Read + Write + Send + Unpin + 'static> {
    /// Deadline for closing the connection.
    closing: Option<Instant>,
    control: ControlReceiver,
    driven: ConnectionDriver<T>,
    id: PoolId,
    /// An HTTP/1 sender whose response has ended but that is not ready for another request yet,
    /// with its deadline.
    returning: Option<(RequestSender, Instant)>,
    shared: &'a Arc<Shared>,
    /// Next time to check the idle timeout and the maximum duration.
    until: Option<Instant>,
}

/// Task that drives a connection until it is closed.
pub(in crate::transport::pool) async fn drive<T>(
    shared: &Arc<Shared>,
    id: PoolId,
    driven: ConnectionDriver<T>,
    control: ControlReceiver,
) where
    T: Read + Write + Send + Unpin + 'static,
{
    let mut task = Driver {
        closing: None,
        control,
        driven,
        id,
        returning: None,
        shared,
        until: shared.check(id),
    };
    let mut timer = pin!(Timer::new());
    poll_fn(|cx| task.poll(timer.as_mut(), cx)).await;
}

impl<T: Read + Write + Send + Unpin + 'static> Driver<'_, T> {
    fn poll(&mut self, mut timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.poll_control(cx).is_ready() || self.driven.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if let Some(streams) = self.driven.widened(cx) {
                self.shared.widen(self.id, streams);
            }
            // After polling the connection, which makes the sender ready.
            self.poll_returning(cx);
            let returning = self.returning.as_ref().map(|(_, until)| *until);
            let ends = [self.closing, returning, self.until];
            let Some(next) = ends.into_iter().flatten().min() else {
                return Poll::Pending;
            };
            ready!(timer.as_mut().poll_at(next, cx));
            let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= next);
            // Dropping the driver closes the socket.
            if is_over(self.closing) || is_over(returning) {
                return Poll::Ready(());
            }
            self.until = self.shared.check(self.id);
        }
    }

    fn poll_control(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.closing.is_none()
            && let Poll::Ready(message) = self.control.poll_recv(cx)
        {
            match message {
                Some(Control::Abort) => return Poll::Ready(()),
                Some(Control::Check) => self.until = self.shared.check(self.id),
                Some(Control::Return(sender)) => {
                    self.returning = Some((sender, clock::now() + GRACE));
                }
                None => {
                    self.returning = None;
                    self.closing = Some(clock::now() + GRACE);
                }
            }
        }
        Poll::Pending
    }

    fn poll_returning(&mut self, cx: &mut Context<'_>) {
        let Some((mut sender, until)) = self.returning.take() else {
            return;
        };
        match sender.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.shared.put_back(self.id, sender),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.returning = Some((sender, until)),
        }
    }
}
