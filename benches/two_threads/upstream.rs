//! As small a call as can be, so that what a layer adds to it is seen.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Empty;
use tower_layer::Layer;
use tower_service::Service;

use super::Calls;

/// Answers at once, with nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstream;

impl<B> Service<Request<B>> for Upstream {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Empty::new())))
    }
}

/// A service that can be called, its answer read to the end.
pub(crate) trait Callable {
    fn call_once(&mut self);
}

impl<S, R> Callable for S
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>>,
    R: Body,
{
    #[inline]
    fn call_once(&mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(self.poll_ready(cx).is_ready());
        let mut future = pin!(self.call(Request::new(Empty::new())));
        let Poll::Ready(Ok(response)) = future.as_mut().poll(cx) else {
            unreachable!("it answers at once");
        };
        let mut body = pin!(response.into_body());
        while !body.is_end_stream() {
            read(body.as_mut(), cx);
        }
    }
}

fn read<R: Body>(body: Pin<&mut R>, cx: &mut Context<'_>) {
    if body.poll_frame(cx).is_pending() {
        unreachable!("there is nothing to wait for");
    }
}

/// Calls to one service that lives as long as they.
pub(crate) fn calls<L>(layer: &L) -> Calls
where
    L: Layer<Upstream>,
    L::Service: Callable + 'static,
{
    let mut service = layer.layer(Upstream);
    Box::new(move |n| {
        for _ in 0..n {
            service.call_once();
        }
    })
}

/// Calls to clones, one for each, as hyper and axum make them.
pub(crate) fn cloned<L>(layer: &L) -> Calls
where
    L: Layer<Upstream>,
    L::Service: Callable + Clone + 'static,
{
    let service = layer.layer(Upstream);
    Box::new(move |n| {
        for _ in 0..n {
            service.clone().call_once();
        }
    })
}
