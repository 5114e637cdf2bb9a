use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::RoutedBody;
use super::response_actions::ResponseActions;
use crate::foundation::admission::WatchedBody;
use crate::foundation::outcome::LocalReplyBody;

/// Response future of [`TrafficRouter`](super::TrafficRouter).
#[pin_project]
#[derive(Debug)]
pub struct RoutedFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F> {
    // Boxed: a response is 10 words, and few requests are answered here.
    LocalReply(Option<Box<Response<LocalReplyBody>>>),
    Calling {
        #[pin]
        inner: F,
        response_actions: ResponseActions,
    },
}

impl<F> RoutedFuture<F> {
    pub(crate) fn local_reply(response: Response<LocalReplyBody>) -> Self {
        Self {
            state: State::LocalReply(Some(Box::new(response))),
        }
    }

    pub(crate) const fn calling(inner: F, response_actions: ResponseActions) -> Self {
        Self {
            state: State::Calling {
                inner,
                response_actions,
            },
        }
    }
}

impl<F, R, E> Future for RoutedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<RoutedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::LocalReply(response) => {
                let response = response.take().expect("not polled after completion");
                Poll::Ready(Ok(response.map(WatchedBody::local_reply)))
            }
            StateProj::Calling {
                inner,
                response_actions,
            } => {
                // Changed in place: a response is some hundred bytes.
                let mut polled = inner.poll(cx);
                if let Poll::Ready(Ok(response)) = &mut polled {
                    response_actions.apply(response.headers_mut());
                }
                polled.map_ok(|response| response.map(with_noop_ticket))
            }
        }
    }
}

/// Response future of [`TrafficSplit`](super::TrafficSplit).
#[pin_project]
pub struct TrafficSplitFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[pin]
    state: SplitState<S, B>,
}

#[pin_project(project = SplitStateProj)]
#[expect(
    clippy::large_enum_variant,
    reason = "every call begins in the larger state, and a box would be an allocation for each"
)]
enum SplitState<S, B>
where
    S: Service<Request<B>>,
{
    Called(#[pin] RoutedFuture<S::Future>),
    /// Waits for the chosen service; other destinations are not affected.
    Choosing {
        call: Option<(S, Request<B>)>,
        response_actions: ResponseActions,
    },
}

impl<S, B> TrafficSplitFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn local_reply(response: Response<LocalReplyBody>) -> Self {
        Self {
            state: SplitState::Called(RoutedFuture::local_reply(response)),
        }
    }

    pub(crate) const fn choosing(
        service: S,
        request: Request<B>,
        response_actions: ResponseActions,
    ) -> Self {
        Self {
            state: SplitState::Choosing {
                call: Some((service, request)),
                response_actions,
            },
        }
    }
}

impl<S, B, R> Future for TrafficSplitFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<RoutedBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                SplitStateProj::Called(called) => return called.poll(cx),
                SplitStateProj::Choosing {
                    call,
                    response_actions,
                } => {
                    let (service, _) = call.as_mut().expect("not polled after completion");
                    // An error here is that of the chosen service, and ends the request.
                    ready!(service.poll_ready(cx))?;
                    // Taken only now: a pending poll has to keep both.
                    let (mut service, request) = call.take().expect("it was there just now");
                    RoutedFuture::calling(service.call(request), std::mem::take(response_actions))
                }
            };
            self.as_mut().project().state.set(SplitState::Called(next));
        }
    }
}

impl<S, B> std::fmt::Debug for TrafficSplitFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state {
            SplitState::Called(_) => "Called",
            SplitState::Choosing { .. } => "Choosing",
        };
        f.debug_struct("TrafficSplitFuture")
            .field("state", &state)
            .finish()
    }
}

fn with_noop_ticket<R>(inner: R) -> RoutedBody<R> {
    WatchedBody::unwatched(inner)
}
