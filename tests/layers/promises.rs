//! What every layer promises, whatever its policy is: one table, and one line for a new layer.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use meshless::Rejection;
use tokio::runtime::Handle;
use tower::{Layer, Service, ServiceExt};

use self::inner::{Act, Inner, Mine, trailers};
use crate::support::{call, start};

mod broken;
mod choosing;
mod costs;
mod extremes;
mod inner;
mod table;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than any policy of the table shuts its door.
const RECOVERY: Duration = Duration::from_secs(5);

/// What happens to a second call under the policy of a case: which says how its state can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Second {
    /// It passes: the layer has no state that would turn it away.
    Passes,
    /// It is turned away for a while, even when the first is over.
    RefusedForAWhile,
    /// It is turned away as long as the first is under way.
    RefusedMeanwhile,
}

/// A layer, with ways to make one and to change it.
struct Case<L> {
    /// It chooses among services, and is ready whatever they are.
    choosing: bool,
    fresh: fn() -> L,
    off: fn(&L),
    /// Stores the policy that it has already.
    same: fn(&L),
    second: Second,
    /// Tasks are what it is for.
    spawning: bool,
}

impl<L> Case<L> {
    const fn choosing(mut self) -> Self {
        self.choosing = true;
        self
    }

    const fn spawning(mut self) -> Self {
        self.spawning = true;
        self
    }
}

type Call = Request<Full<Bytes>>;

fn request() -> Call {
    Request::get("http://upstream/path")
        .body(Full::default())
        .unwrap()
}

impl<L, S, R> Case<L>
where
    L: Layer<Inner, Service = S> + Clone + Send + Sync + 'static,
    S: Service<Call, Response = Response<R>, Error = Mine> + Clone + Send + Sync + 'static,
    S::Future: Send + Sync + 'static,
    R: Body<Data = Bytes> + Send + Sync + 'static,
{
    async fn keeps_all(&self) {
        self.services_of_all_clones_share_their_state().await;
        if self.choosing {
            self.who_chooses_is_always_ready().await;
        } else {
            self.readiness_is_the_inner_services().await;
        }
        self.the_error_is_the_inner_services().await;
        self.what_was_taken_is_given_back_whatever_happens().await;
        self.time_is_tokios().await;
        self.a_policy_is_replaced_while_a_call_runs().await;
        self.off_lets_everything_through_untouched().await;
        self.the_body_is_forwarded_as_it_is().await;
        self.no_task_outlives_its_owner().await;
    }

    async fn fresh(&self) -> (L, Inner) {
        let layer = (self.fresh)();
        tokio::time::advance(SECOND).await;
        (layer, Inner::default())
    }

    /// Says whether a call gets through to the inner service, and is answered by it.
    async fn passes(service: &mut S, inner: &Inner) -> bool {
        inner.will(Act::Answer);
        let before = inner.calls();
        let response = call(service, request()).await.unwrap();
        let asked = inner.calls() > before;
        assert_ne!(
            asked,
            Rejection::of(&response).is_some(),
            "one of both answered"
        );
        let status = response.status();
        drop(response);
        asked && status == StatusCode::OK
    }

    /// Promise 1: making a service has no effect, and it makes no difference which one is used.
    async fn services_of_all_clones_share_their_state(&self) {
        let (layer, inner) = self.fresh().await;
        let mut one = layer.layer(inner.clone());
        let mut other = layer.clone().layer(inner.clone());
        for _ in 0..3 {
            drop(layer.layer(inner.clone()));
        }
        inner.will(Act::Hang);
        let mut first = Box::pin(start(&mut one, request()));
        assert!((&mut first).now_or_never().is_none());
        let expected = self.second == Second::Passes;
        assert_eq!(
            Self::passes(&mut other, &inner).await,
            expected,
            "of another clone"
        );
        assert_eq!(
            Self::passes(&mut one.clone(), &inner).await,
            expected,
            "of the same"
        );
        drop(first);
    }

    /// Promise 2: it waits when the inner service does, and never by itself.
    async fn readiness_is_the_inner_services(&self) {
        let (layer, inner) = self.fresh().await;
        let mut service = layer.layer(inner.clone());
        inner.will(Act::Unready);
        assert!(service.ready().now_or_never().is_none());
        inner.will(Act::FailReady);
        assert!(matches!(service.ready().await, Err(Mine(7))));
        inner.will(Act::Hang);
        let mut first = Box::pin(start(&mut service.clone(), request()));
        assert!((&mut first).now_or_never().is_none());
        assert!(
            service.ready().now_or_never().is_some(),
            "also when it would turn the call away"
        );
    }

    /// Promise 2: a service that is not ready keeps its own request waiting, and no other one.
    async fn who_chooses_is_always_ready(&self) {
        let (layer, inner) = self.fresh().await;
        let mut service = layer.layer(inner.clone());
        inner.will(Act::Unready);
        assert!(service.ready().now_or_never().is_some());
        let mut first = Box::pin(start(&mut service, request()));
        assert!((&mut first).now_or_never().is_none());
        assert_eq!(inner.calls(), 0, "what was not ready was called");
        assert!(service.ready().now_or_never().is_some());
        drop(first);
        inner.will(Act::FailReady);
        assert!(matches!(call(&mut service, request()).await, Err(Mine(7))));
        assert!(Self::passes(&mut service, &inner).await);
    }

    /// Promise 3: the type says it, and the value is the same.
    async fn the_error_is_the_inner_services(&self) {
        let (layer, inner) = self.fresh().await;
        inner.will(Act::Fail);
        let failed = call(&mut layer.layer(inner), request()).await;
        assert!(matches!(failed, Err(Mine(8))));
    }

    /// Promise 4: however the first call ends, one more gets through.
    async fn what_was_taken_is_given_back_whatever_happens(&self) {
        for end in End::ALL {
            let (layer, inner) = self.fresh().await;
            let mut service = layer.layer(inner.clone());
            end.happen(&mut service, &inner).await;
            if end.is_failure() || self.second == Second::RefusedForAWhile {
                tokio::time::advance(RECOVERY).await;
            }
            let mut other = layer.layer(inner.clone());
            assert!(Self::passes(&mut other, &inner).await, "after: {end:?}");
        }
    }

    /// Promise 5: tokio's clock stands still, so nothing comes back until it is moved.
    async fn time_is_tokios(&self) {
        let (layer, inner) = self.fresh().await;
        let mut service = layer.layer(inner.clone());
        assert!(Self::passes(&mut service, &inner).await);
        let expected = self.second != Second::RefusedForAWhile;
        for _ in 0..5 {
            assert_eq!(Self::passes(&mut service, &inner).await, expected);
        }
        tokio::time::advance(RECOVERY).await;
        assert!(
            Self::passes(&mut service, &inner).await,
            "after tokio's time went by"
        );
    }

    /// Promise 7: what was spawned ends with the layer and its services.
    async fn no_task_outlives_its_owner(&self) {
        let alive = || Handle::current().metrics().num_alive_tasks();
        settled().await;
        let before = alive();
        for end in End::ALL {
            let (layer, inner) = self.fresh().await;
            let mut service = layer.layer(inner.clone());
            end.happen(&mut service, &inner).await;
            assert!(self.spawning || alive() == before, "after: {end:?}");
        }
        settled().await;
        assert_eq!(alive(), before);
    }

    /// Promise 6: the call goes on, and the state is what it was.
    async fn a_policy_is_replaced_while_a_call_runs(&self) {
        let (layer, inner) = self.fresh().await;
        let mut service = layer.layer(inner.clone());
        inner.will(Act::Later);
        let mut first = Box::pin(start(&mut service, request()));
        assert!((&mut first).now_or_never().is_none());
        (self.same)(&layer);
        let expected = self.second == Second::Passes;
        assert_eq!(
            Self::passes(&mut service, &inner).await,
            expected,
            "as before"
        );
        // The clock is paused: it goes on by itself when all wait for it.
        let response = first.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// Promise 6: "off" is a policy, which may come in the middle.
    async fn off_lets_everything_through_untouched(&self) {
        let (layer, inner) = self.fresh().await;
        let mut service = layer.layer(inner.clone());
        inner.will(Act::Hang);
        let mut first = Box::pin(start(&mut service, request()));
        assert!((&mut first).now_or_never().is_none());
        (self.off)(&layer);
        for _ in 0..20 {
            assert!(Self::passes(&mut service, &inner).await);
        }
        inner.will(Act::Fail);
        assert!(call(&mut service, request()).await.is_err());
        inner.will(Act::Answer);
        let response = call(&mut service, request()).await.unwrap();
        assert!(response.headers().is_empty(), "{:?}", response.headers());
        let mut sent = inner.headers();
        // As in Istio, even the only try says that it is the first.
        sent.remove("x-envoy-attempt-count");
        assert_eq!(sent, *request().headers());
    }

    /// Promise 4, and what every peer forgets.
    async fn the_body_is_forwarded_as_it_is(&self) {
        let (layer, inner) = self.fresh().await;
        inner.will(Act::Answer);
        let response = call(&mut layer.layer(inner.clone()), request())
            .await
            .unwrap();
        let mut body = Box::pin(response.into_body());
        assert_eq!(body.size_hint().exact(), Some(10));
        for expected in ["hello", "world"] {
            assert!(!body.is_end_stream());
            let frame = body.frame().await.unwrap().ok().unwrap();
            assert_eq!(frame.into_data().unwrap(), expected);
        }
        let frame = body.frame().await.unwrap().ok().unwrap();
        assert_eq!(frame.into_trailers().unwrap(), trailers());
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }
}

/// Lets all tasks go on until they wait.
async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// How a call can end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    BodyBreaks,
    BodyDropped,
    BodyRead,
    DroppedBeforePolled,
    DroppedWhilePending,
    Fails,
    PanicsInCall,
    PanicsInPoll,
}

impl End {
    const ALL: [Self; 8] = [
        Self::BodyBreaks,
        Self::BodyDropped,
        Self::BodyRead,
        Self::DroppedBeforePolled,
        Self::DroppedWhilePending,
        Self::Fails,
        Self::PanicsInCall,
        Self::PanicsInPoll,
    ];

    const fn is_failure(self) -> bool {
        matches!(self, Self::Fails | Self::PanicsInCall | Self::PanicsInPoll)
    }

    async fn happen<S, R>(self, service: &mut S, inner: &Inner)
    where
        S: Service<Call, Response = Response<R>, Error = Mine>,
        R: Body,
    {
        inner.will(match self {
            Self::BodyBreaks => Act::BreakBody,
            Self::BodyDropped | Self::BodyRead => Act::Answer,
            Self::DroppedBeforePolled | Self::DroppedWhilePending => Act::Hang,
            Self::Fails => Act::Fail,
            Self::PanicsInCall => Act::PanicInCall,
            Self::PanicsInPoll => Act::PanicInPoll,
        });
        if self == Self::DroppedBeforePolled {
            drop(start(service, request()));
            return;
        }
        let call = Box::pin(AssertUnwindSafe(call(service, request())).catch_unwind());
        match self {
            Self::DroppedWhilePending => assert!(call.now_or_never().is_none()),
            Self::Fails => assert!(call.await.unwrap().is_err()),
            Self::PanicsInCall | Self::PanicsInPoll => assert!(call.await.is_err()),
            Self::BodyDropped => drop(call.await.unwrap().unwrap()),
            _ => {
                let body = call.await.unwrap().unwrap().into_body();
                let read = body.collect().await;
                assert_eq!(read.is_err(), self == Self::BodyBreaks);
            }
        }
    }
}
