use std::time::Duration;

use axum::Router;
use http::{HeaderName, Request, StatusCode};
use meshless::adaptive_concurrency::{AdaptiveConcurrencyLayer, AdaptiveConcurrencyPolicy};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Probes};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::cors::{CorsLayer, CorsPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{Mirror, MirrorLayer, MirrorPolicy};
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{
    Destination, Route, StringMatch, TrafficSplitLayer, TrafficSplitPolicy,
};
use meshless::{Endpoint, Endpoints, Percent};
use tower::{Layer, ServiceExt};

use super::choosing::{Balance, Split};
use super::{Case, SECOND, Second};
use crate::support::Upstream;

/// A line: the layer's name and type, a policy under which a first call passes, the policy that is
/// off, what happens to a second call, and maybe what is to be done with the layer first, what it is made
/// over beside its policy, or what sets it apart.
macro_rules! promises {
    ($($name:ident: $layer:ty, $policy:expr, $off:expr, $second:ident $(, first $first:expr)? $(, over $over:expr)? $(, is $apart:ident)?;)*) => {$(mod $name {
        use super::*;

        fn case() -> Case<$layer> {
            let case = Case {
                choosing: false,
                fresh: || {
                    let layer = <$layer>::new($policy $(, $over)?);
                    $( let first: fn(&$layer) = $first; first(&layer); )?
                    layer
                },
                off: |layer: &$layer| layer.reconfigure($off),
                same: |layer: &$layer| layer.reconfigure($policy),
                second: Second::$second,
                spawning: false,
            };
            $( let case = case.$apart(); )?
            case
        }

        #[tokio::test(start_paused = true)]
        async fn keeps_its_promises() {
            case().keeps_all().await;

            // Promise 3: straight into axum, whose error type is `Infallible`.
            let router = Router::new().fallback(async || "hello").layer(<$layer>::new($policy $(, $over)?));
            let response = router.oneshot(Request::new(axum::body::Body::empty())).await;
            assert_eq!(response.unwrap().status(), StatusCode::OK);
        }

        #[test]
        fn costs_what_it_may() {
            case().costs_what_it_may();
        }
    })*};
}

promises! {
    adaptive_concurrency: AdaptiveConcurrencyLayer, only_one(), AdaptiveConcurrencyPolicy::off(), RefusedMeanwhile;
    circuit_breaker: CircuitBreakerLayer, one_probe(), CircuitBreakerPolicy::off(), RefusedMeanwhile,
        first |layer| layer.open_for(Duration::from_millis(1));
    concurrency_limit: ConcurrencyLimitLayer, ConcurrencyLimitPolicy::new(1), ConcurrencyLimitPolicy::off(), RefusedMeanwhile;
    cors: CorsLayer, CorsPolicy::new([StringMatch::exact("*")]), CorsPolicy::default(), Passes;
    fault_injection: FaultInjectionLayer, a_delay(), FaultInjectionPolicy::off(), Passes;
    mirror: Mirrored, MirrorPolicy::default(), MirrorPolicy::off(), Passes, is spawning;
    load_balance: LoadBalanceLayer, LoadBalancePolicy::default(), LoadBalancePolicy::off(), Passes, over two();
    load_balance_of_services: Balance, LoadBalancePolicy::default(), LoadBalancePolicy::off(), Passes, is choosing;
    rate_limit: RateLimitLayer, RateLimitPolicy::per_second(1), RateLimitPolicy::off(), RefusedForAWhile;
    rate_limit_by_key: RateLimitLayer, by_key(), RateLimitPolicy::off(), RefusedForAWhile;
    rate_limit_bucket: RateLimitLayer, RateLimitPolicy::token_bucket(1, 1, SECOND), RateLimitPolicy::off(), RefusedForAWhile;
    retry: RetryLayer, RetryPolicy::default(), RetryPolicy::off(), Passes;
    timeout: TimeoutLayer, TimeoutPolicy::total(MINUTE).with_idle(MINUTE), TimeoutPolicy::off(), Passes;
    trace_attempt: TraceAttemptLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    trace_client: TraceClientLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    trace_server: TraceServerLayer, TracePolicy::default(), TracePolicy::off(), Passes;
    traffic_split: TrafficSplitLayer, one_route(), TrafficSplitPolicy::off(), Passes;
    traffic_split_of_services: Split, two_versions(), TrafficSplitPolicy::off(), Passes, is choosing;
}

#[cfg(feature = "jwt")]
promises! {
    jwt: meshless::jwt::JwtLayer, a_rule(), meshless::jwt::JwtPolicy::off(), Passes;
}

#[cfg(feature = "jwt")]
fn a_rule() -> meshless::jwt::JwtPolicy {
    use meshless::jwt::{Jwks, JwtPolicy, JwtRule};
    let keys = r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#;
    JwtPolicy::new([JwtRule::new("i", Jwks::from_json(keys).unwrap())])
}

/// A limit that stays at 1, whatever the latencies are.
fn only_one() -> AdaptiveConcurrencyPolicy {
    AdaptiveConcurrencyPolicy::default()
        .with_min_limit(1)
        .with_max_limit(1)
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

/// A key of its own for everybody who comes without one.
fn by_key() -> RateLimitPolicy {
    let user = HeaderName::from_static("x-user");
    RateLimitPolicy::per_second(1).with_key(Key::header(user))
}

fn two_versions() -> TrafficSplitPolicy {
    let versions = [("v1", 50), ("v2", 50)].map(|(name, weight)| (Destination::new(name), weight));
    TrafficSplitPolicy::new([Route::split(versions).unwrap()])
}

fn one_route() -> TrafficSplitPolicy {
    TrafficSplitPolicy::new([Route::to(Destination::new("upstream"))])
}

/// A mirror layer to an upstream, made of its policy as the others are.
#[derive(Clone)]
pub(super) struct Mirrored(MirrorLayer<Upstream>);

impl Mirrored {
    pub(super) fn new(policy: MirrorPolicy) -> Self {
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
