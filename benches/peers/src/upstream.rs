//! The service that every case wraps.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use tower::Service;

use crate::message::{BODY, Res};

/// Takes any request, and answers with a small body: at once, or pending once before, as every call is
/// that does I/O.
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// Pending at the first poll.
    pub pending: bool,
}

/// Response future of [`Upstream`].
#[derive(Debug)]
pub struct Answer {
    pending: bool,
}

/// What could have gone wrong.
#[derive(Clone, Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl<B> Service<Request<B>> for Upstream {
    type Response = Res;
    type Error = Broken;
    type Future = Answer;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        drop(black_box(request));
        Answer {
            pending: self.pending,
        }
    }
}

impl Future for Answer {
    type Output = Result<Res, Broken>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending {
            self.pending = false;
            return Poll::Pending;
        }
        Poll::Ready(Ok(Response::new(Body::from(Bytes::from_static(BODY)))))
    }
}
