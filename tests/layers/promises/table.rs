use std::time::Duration;

use axum::Router;
use http::{Request, StatusCode};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Probes};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{Mirror, MirrorLayer, MirrorPolicy};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Percent};
use tower::{Layer, ServiceExt};

use super::{Case, Second};
use crate::support::Upstream;

/// A line: the layer's name and type, a policy under which a first call passes, the policy that is
/// off, what happens to a second call, and maybe what is to be done with the layer first, or what it is
/// made over beside its policy.
macro_rules! promises {
    ($($name:ident: $layer:ty, $policy:expr, $off:expr, $second:ident $(, first $first:expr)? $(, over $over:expr)?;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let case = Case {
                fresh: || {
                    let layer = <$layer>::new($policy $(, $over)?);
                    $( let first: fn(&$layer) = $first; first(&layer); )?
                    layer
                },
                off: |layer: &$layer| layer.reconfigure($off),
                same: |layer: &$layer| layer.reconfigure($policy),
                second: Second::$second,
            };
            case.keeps_all().await;

            // Promise 3: straight into axum, whose error type is `Infallible`.
            let router = Router::new().fallback(async || "hello").layer(<$layer>::new($policy $(, $over)?));
            let response = router.oneshot(Request::new(axum::body::Body::empty())).await;
            assert_eq!(response.unwrap().status(), StatusCode::OK);
        }
    )*};
}

promises! {
    circuit_breaker: CircuitBreakerLayer, one_probe(), CircuitBreakerPolicy::off(), RefusedMeanwhile,
        first |layer| layer.open_for(Duration::from_millis(1));
    concurrency_limit: ConcurrencyLimitLayer, ConcurrencyLimitPolicy::new(1), ConcurrencyLimitPolicy::off(), RefusedMeanwhile;
    fault_injection: FaultInjectionLayer, a_delay(), FaultInjectionPolicy::off(), Passes;
    mirror: Mirrored, MirrorPolicy::default(), MirrorPolicy::off(), Passes;
    load_balance: LoadBalanceLayer, LoadBalancePolicy::default(), LoadBalancePolicy::off(), Passes, over two();
    rate_limit: RateLimitLayer, RateLimitPolicy::per_second(1), RateLimitPolicy::off(), RefusedForAWhile;
    retry: RetryLayer, RetryPolicy::default(), RetryPolicy::off(), Passes;
    timeout: TimeoutLayer, TimeoutPolicy::total(MINUTE).with_idle(MINUTE), TimeoutPolicy::off(), Passes;
    trace_attempt: TraceAttemptLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    trace_client: TraceClientLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    trace_server: TraceServerLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    traffic_split: TrafficSplitLayer, one_route(), TrafficSplitPolicy::off(), Passes;
}

const MINUTE: Duration = Duration::from_secs(60);

/// Lets one probe through at a time, for as long as it takes.
fn one_probe() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_open_for(Duration::from_secs(1))
        .with_growth(1.0)
        .with_jitter(Percent::NONE)
        .with_probes(Probes::new(1).with_lease(Duration::from_secs(3_600)))
        .with_ramp(Duration::ZERO)
}

fn a_delay() -> FaultInjectionPolicy {
    FaultInjectionPolicy::default().with_delay(Percent::NONE, MINUTE)
}

fn two() -> Endpoints {
    let endpoint = |address| Endpoint::try_from(address).unwrap();
    Endpoints::fixed([endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")])
}

fn one_route() -> TrafficSplitPolicy {
    TrafficSplitPolicy::new([Route::to(Destination::new("upstream"))])
}

/// A mirror layer to an upstream, made of its policy as the others are.
#[derive(Clone)]
struct Mirrored(MirrorLayer<Upstream>);

impl Mirrored {
    fn new(policy: MirrorPolicy) -> Self {
        Self(MirrorLayer::new(policy, Upstream::new()))
    }

    fn reconfigure(&self, policy: MirrorPolicy) {
        self.0.reconfigure(policy);
    }
}

impl<S> Layer<S> for Mirrored {
    type Service = Mirror<S, Upstream>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner)
    }
}
