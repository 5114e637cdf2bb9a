//! Each copy is counted once, as what became of it.

use http::{Request, Response};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::events::EventKind;
use meshless::mirror::MirrorDropReason;
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy};
use meshless::{Failure, Percent, Rejection};
use proptest::prelude::*;
use tokio::time::{advance, sleep};
use tower::{Layer, service_fn};

use super::{Manner, Other, SECOND, assert_adds_up, assert_at_rest, echo, post, settle};
use crate::support::{Events, Script, Upstream, call};

#[tokio::test(start_paused = true)]
async fn the_observer_hears_of_each_copy_that_is_lost() {
    let events = Events::default();
    let policy = MirrorPolicy::default().with_max_in_flight(1);
    let other = Other::new(Manner::Fails);
    let layer = MirrorLayer::with_observer(policy, other, events.observer());
    let mut service = layer.layer(Upstream::new());
    call(&mut service, post("")).await.unwrap();
    call(&mut service, post("")).await.unwrap();
    settle().await;
    assert_eq!(
        events.take(),
        [
            EventKind::MirrorDropped(MirrorDropReason::InFlight(1)),
            EventKind::MirrorFailed(Failure::Other)
        ]
    );

    let panicking = Other::new(Manner::PanicsInPoll);
    let policy = MirrorPolicy::default();
    let layer = MirrorLayer::with_observer(policy, panicking, events.observer());
    call(&mut layer.layer(Upstream::new()), post(""))
        .await
        .unwrap();
    settle().await;
    assert_eq!(events.take(), [EventKind::MirrorFailed(Failure::Panic)]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_a_policy_of_the_mirrors_own_stack_refuses_is_no_failure() {
    let breaker = CircuitBreakerLayer::new(CircuitBreakerPolicy::default());
    breaker.open_for(SECOND);
    let events = Events::default();
    let other = breaker.layer(Other::default());
    let layer = MirrorLayer::with_observer(MirrorPolicy::default(), other, events.observer());
    call(&mut layer.layer(Upstream::new()), post(""))
        .await
        .unwrap();
    settle().await;
    assert_eq!(layer.stats().dropped.refused, 1);
    assert_at_rest(layer.stats());
    assert!(matches!(
        events.all()[..],
        [EventKind::MirrorDropped(MirrorDropReason::Refused(
            Rejection::CircuitOpen { .. }
        ))]
    ));
}

/// One request of a storm.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// How the mirror behaves towards it.
    behaviour: u8,
    frames: u8,
    /// What the original does after so many frames.
    breaks: Option<u8>,
    /// The pause before the next one.
    pause: u8,
}

fn load() -> impl Strategy<Value = Load> {
    (0..6_u8, 0..6_u8, proptest::option::of(0..6_u8), 0..3_u8).prop_map(
        |(behaviour, frames, breaks, pause)| Load {
            behaviour,
            frames,
            breaks,
            pause,
        },
    )
}

impl Load {
    fn request(self) -> Request<Script> {
        let body = (0..self.frames).fold(Script::default(), |body, frame| {
            let body = body.data("0123456789").wait(SECOND / 4);
            if self.breaks == Some(frame) {
                body.fail()
            } else {
                body
            }
        });
        let request = Request::post("/").header("x-behaviour", u16::from(self.behaviour));
        request.body(body).unwrap()
    }
}

/// A mirror that does what the request says.
async fn obedient(request: Request<CopyBody>) -> Result<Response<Script>, std::io::Error> {
    use http_body_util::BodyExt;

    let behaviour = request.headers()["x-behaviour"]
        .to_str()
        .unwrap()
        .to_owned();
    match behaviour.as_str() {
        "0" => return Ok(Response::default()),
        "1" => std::future::pending().await,
        "2" => return Err(std::io::ErrorKind::ConnectionReset.into()),
        "3" => assert_eq!(behaviour, "", "as planned"),
        "4" => sleep(2 * SECOND).await,
        _ => {}
    }
    let read = request.into_body().collect().await;
    read.map_err(std::io::Error::other)?;
    Ok(Response::new(Script::default().data("thanks")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_the_counts_add_up(
        loads in proptest::collection::vec(load(), 1..60),
        max_in_flight in 0..8_u32,
        lag in 0..400_usize,
        buffered in 0..1_000_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let policy = MirrorPolicy::new(Percent::new(80))
                .with_max_in_flight(max_in_flight)
                .with_lag_limit(lag)
                .with_buffer_limit(buffered)
                .with_timeout(SECOND);
            let layer = MirrorLayer::new(policy, service_fn(obedient));
            let mut originals = Vec::new();
            for load in loads {
                let mut service = layer.layer(echo());
                originals.push(tokio::spawn(async move {
                    call(&mut service, load.request()).await.unwrap();
                }));
                for _ in 0..load.pause {
                    advance(SECOND / 8).await;
                }
                settle().await;
                let stats = layer.stats();
                assert_adds_up(stats);
                assert!(stats.in_flight <= max_in_flight);
                assert!(stats.buffered <= buffered);
            }
            for original in originals {
                original.await.unwrap();
            }
            sleep(3 * SECOND).await;
            settle().await;
            assert_at_rest(layer.stats());
        });
    }
}
