//! The table can tell: layers that break a promise, as the peers have them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use meshless::Rejection;
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, NoopTicket};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt;
use tokio_stream::adapters::Map;
use tower::Layer;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::util::{MapRequestLayer, MapResponseLayer};

use super::extremes::{Fate, every_call_meets};
use super::{Call, Case, Second};
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
    type Ticket = NoopTicket;
    type Wait = NoQueue<NoopTicket>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<NoopTicket, Self::Wait> {
        match self.0.try_acquire() {
            Ok(permit) => {
                permit.forget();
                Admission::Admitted(NoopTicket)
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

/// Lets one call in for an hour, by the clock on the wall.
#[derive(Clone, Default)]
struct Hourly(Arc<Mutex<Option<Instant>>>);

impl Gate for Hourly {
    type Ticket = NoopTicket;
    type Wait = NoQueue<NoopTicket>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<NoopTicket, Self::Wait> {
        let mut last = self.0.lock().unwrap();
        if last.is_some_and(|last| last.elapsed() < Duration::from_secs(3_600)) {
            return Admission::Rejected(Rejection::NoRoute);
        }
        *last = Some(Instant::now());
        Admission::Admitted(NoopTicket)
    }
}

impl<S> Layer<S> for Hourly {
    type Service = Gated<S, Self>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after tokio's time went by")]
async fn a_clock_that_is_not_tokios_is_noticed() {
    let case = case(Hourly::default, Second::RefusedForAWhile);
    case.time_is_tokios().await;
}

/// Does something to each request, and lets it pass.
type Doing = MapRequestLayer<fn(Call) -> Call>;

fn doing(what: fn(Call) -> Call) -> Doing {
    MapRequestLayer::new(what)
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "after: BodyBreaks")]
async fn a_task_that_nobody_ends_is_noticed() {
    fn spawning(call: Call) -> Call {
        drop(tokio::spawn(std::future::pending::<()>()));
        call
    }
    let case = case(|| doing(spawning), Second::Passes);
    case.no_task_outlives_its_owner().await;
}

#[test]
#[should_panic(expected = "bytes_current")]
fn state_that_grows_with_every_call_is_noticed() {
    fn keeping(call: Call) -> Call {
        std::mem::forget(vec![0_u8; 64]);
        call
    }
    case(|| doing(keeping), Second::Passes).costs_what_it_may();
}

#[test]
#[should_panic(expected = "allocations of 100 calls")]
fn a_box_too_many_is_noticed() {
    fn boxing(call: Call) -> Call {
        drop(std::hint::black_box([0; 10].map(Box::new)));
        call
    }
    case(|| doing(boxing), Second::Passes).costs_what_it_may();
}

#[test]
#[should_panic(expected = "switched off")]
fn what_a_layer_costs_that_is_off_is_noticed() {
    fn boxing(call: Call) -> Call {
        drop(std::hint::black_box(Box::new(7)));
        call
    }
    case(|| doing(boxing), Second::Passes).costs_what_it_may();
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "overflow")]
async fn a_time_that_does_not_fit_into_the_clock_is_noticed() {
    fn adding(call: Call) -> Call {
        let _ = Instant::now() + std::hint::black_box(Duration::MAX);
        call
    }
    every_call_meets(&doing(adding), Fate::Passes).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "Refused(404)")]
async fn none_that_means_no_call_instead_of_no_limit_is_noticed() {
    let none = Leaky(Arc::new(Semaphore::new(0)));
    every_call_meets(&none, Fate::Passes).await;
}
