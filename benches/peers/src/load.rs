//! Calls in batches: requests are made outside what is measured, and dropped inside it.

use std::fmt::Debug;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::Response;
use http_body::Body;
use tower::Service;

use crate::message::Req;

/// So few that the requests of a batch stay in the first cache.
pub const BATCH: u32 = 16;

/// Something that is called a batch at a time.
pub trait Load {
    /// Makes the requests of a batch.
    fn prepare(&mut self);
    /// Sends them.
    fn send(&mut self);
}

struct Calls<M, Q, C> {
    batch: Vec<Q>,
    call: C,
    make: M,
}

impl<M: FnMut() -> Q, Q, C: FnMut(Q)> Load for Calls<M, Q, C> {
    fn prepare(&mut self) {
        for _ in 0..BATCH {
            self.batch.push((self.make)());
        }
    }

    fn send(&mut self) {
        for request in self.batch.drain(..) {
            (self.call)(request);
        }
    }
}

/// Creates a load of any calls.
pub fn load<Q: 'static>(
    make: impl FnMut() -> Q + 'static,
    call: impl FnMut(Q) + 'static,
) -> Box<dyn Load> {
    Box::new(Calls {
        batch: Vec::with_capacity(BATCH as usize),
        call,
        make,
    })
}

/// Sends one prepared batch. Callgrind collects inside this function and nowhere else.
#[inline(never)]
pub fn measured(load: &mut dyn Load) {
    load.send();
    black_box(load);
}

/// Sends `batches` and returns how long the calls took.
pub fn time(load: &mut dyn Load, batches: u32) -> Duration {
    (0..batches)
        .map(|_| {
            load.prepare();
            let start = Instant::now();
            measured(load);
            start.elapsed()
        })
        .sum()
}

/// Sends a request through a service, and reads the response to its end.
pub fn exchange<S, R>(service: &mut S, request: Req)
where
    S: Service<Req, Response = Response<R>>,
    S::Error: Debug,
    R: Body,
    R::Error: Debug,
{
    let mut cx = Context::from_waker(Waker::noop());
    // Ready at once but for a lock that is held by nobody.
    while service.poll_ready(&mut cx).is_pending() {}
    let response = finish(service.call(request)).expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
    let mut body = pin!(response.into_body());
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
        black_box(frame.expect("a frame"));
    }
}

/// Polls by hand, so that no executor is in the numbers.
pub fn finish<F: Future>(future: F) -> F::Output {
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
