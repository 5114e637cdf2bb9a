//! The table can tell: layers that break a promise, as the peers have them.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use meshless::gate::{Admission, Gate, Gated, Never, Unwatched};
use meshless::{Rejection, RequestHead};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt;
use tokio_stream::adapters::Map;
use tower::Layer;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::util::MapResponseLayer;

use super::{Case, Second};
use crate::support::Script;

const fn case<L>(fresh: fn() -> L, second: Second) -> Case<L> {
    Case {
        choosing: false,
        fresh,
        off: |_| {},
        same: |_| {},
        second,
        spawning: false,
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "of another clone")]
async fn state_that_is_made_for_each_service_is_noticed() {
    let case = case(|| ConcurrencyLimitLayer::new(1), Second::RefusedMeanwhile);
    case.services_of_all_clones_share_their_state().await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "ready to be called")]
async fn waiting_in_poll_ready_is_noticed() {
    let case = case(
        || GlobalConcurrencyLimitLayer::new(1),
        Second::RefusedMeanwhile,
    );
    case.readiness_is_the_inner_services().await;
}

/// Lets each call take a permit for ever.
#[derive(Clone)]
struct Leaky(Arc<Semaphore>);

impl Gate for Leaky {
    type Ticket = Unwatched;
    type Wait = Never<Unwatched>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Unwatched, Self::Wait> {
        match self.0.try_acquire() {
            Ok(permit) => {
                permit.forget();
                Admission::Admitted(Unwatched)
            }
            Err(_) => Admission::Rejected(Rejection::NoRoute),
        }
    }
}

impl<S> Layer<S> for Leaky {
    type Service = Gated<S, Self>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after: BodyBreaks")]
async fn a_permit_that_is_not_given_back_is_noticed() {
    let case = case(
        || Leaky(Arc::new(Semaphore::new(1))),
        Second::RefusedMeanwhile,
    );
    case.what_was_taken_is_given_back_whatever_happens().await;
}

type Streamed = StreamBody<
    Map<BodyDataStream<Script>, fn(std::io::Result<Bytes>) -> std::io::Result<Frame<Bytes>>>,
>;

fn streamed(response: Response<Script>) -> Response<Streamed> {
    response.map(|body| StreamBody::new(body.into_data_stream().map(frame as fn(_) -> _)))
}

fn frame(data: std::io::Result<Bytes>) -> std::io::Result<Frame<Bytes>> {
    data.map(Frame::data)
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "left: None")]
async fn a_body_that_loses_its_size_is_noticed() {
    type Lossy = MapResponseLayer<fn(Response<Script>) -> Response<Streamed>>;
    let case: Case<Lossy> = case(
        || MapResponseLayer::new(streamed as fn(_) -> _),
        Second::Passes,
    );
    case.the_body_is_forwarded_as_it_is().await;
}
