//! Each layer beside each of tower-http's, in both orders: the types fit, and both do what they are for.

mod checks;
mod inner;

use std::any::type_name;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::Empty;
use meshless::circuit_breaker::CircuitBreakerLayer;
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::gate::{LocalReplyBody, NoopTicket, WatchedBody};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy, TeeBody};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{ReplayBody, RetryBody, RetryLayer};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TraceServerLayer, TracedBody};
use meshless::timeout::{TimeoutBody, TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, inbound, outbound};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::DecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer as TotalTimeoutLayer;
use tower_http::trace::TraceLayer;

use self::inner::{Inner, handler};
use crate::support::Upstream;

/// Tests of one layer of this crate: a line for each of tower-http's, and one for axum.
macro_rules! beside_each {
    ($($name:ident: $ours:expr;)+) => {$(
        mod $name {
            use super::*;

            pairs! {
                catch_panic: $ours, CatchPanicLayer::new(), Inner;
                compression: $ours, CompressionLayer::new(), Inner;
                cors: $ours, CorsLayer::permissive(), Inner;
                decompression: $ours, DecompressionLayer::new(), inner::compressed();
                request_body_limit: $ours, RequestBodyLimitLayer::new(checks::BODY_LIMIT), Inner;
                set_request_id: $ours, SetRequestIdLayer::x_request_id(MakeRequestUuid), Inner;
                timeout: $ours, total_timeout(), Inner;
                trace: $ours, TraceLayer::new_for_http(), Inner;
            }

            #[tokio::test(start_paused = true)]
            async fn router_layers_of_axum_in_both_orders() {
                let router = || Router::new().fallback(any(handler));
                let outer = router().layer($ours);
                checks::all(all_of_theirs!(outer)).await;
                checks::all(all_of_theirs!(router()).layer($ours)).await;
            }
        }
    )+};
}

macro_rules! pairs {
    ($($check:ident: $ours:expr, $theirs:expr, $inner:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $check() {
            let outside = ServiceBuilder::new().layer($ours).layer($theirs).service($inner);
            checks::$check(outside).await;
            let inside = ServiceBuilder::new().layer($theirs).layer($ours).service($inner);
            checks::$check(inside).await;
        }
    )+};
}

macro_rules! all_of_theirs {
    ($router:expr) => {
        $router
            .layer(CompressionLayer::new())
            .layer(RequestBodyLimitLayer::new(checks::BODY_LIMIT))
            .layer(TraceLayer::new_for_http())
            .layer(total_timeout())
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(CorsLayer::permissive())
            .layer(CatchPanicLayer::new())
    };
}

beside_each! {
    circuit_breaker: CircuitBreakerLayer::default();
    concurrency_limit: ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(10));
    fault_injection: FaultInjectionLayer::new(FaultInjectionPolicy::default());
    inbound_stack: inbound();
    load_balance: LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints());
    mirror: MirrorLayer::new(MirrorPolicy::default(), Upstream::new());
    outbound_stack: outbound();
    rate_limit: RateLimitLayer::new(RateLimitPolicy::per_second(100));
    retry: RetryLayer::default();
    timeout_of_ours: TimeoutLayer::new(TimeoutPolicy::total(10 * TIMEOUT).with_idle(TIMEOUT));
    trace_attempt: TraceAttemptLayer::default();
    trace_client: TraceClientLayer::default();
    trace_server: TraceServerLayer::default();
    traffic_split: TrafficSplitLayer::new(one_route());
}

#[test]
fn every_body_has_a_default_that_is_empty() {
    fn check<B: Body + Default>() {
        let body = B::default();
        assert!(body.is_end_stream(), "{}", type_name::<B>());
        assert_eq!(body.size_hint().exact(), Some(0), "{}", type_name::<B>());
    }
    type Inner = Empty<Bytes>;
    check::<CopyBody>();
    check::<LocalReplyBody>();
    check::<ReplayBody<Inner>>();
    check::<RetryBody<Inner>>();
    check::<TeeBody<Inner>>();
    check::<TimeoutBody<Inner>>();
    check::<TracedBody<Inner>>();
    check::<WatchedBody<Inner, NoopTicket>>();
    #[cfg(feature = "hyper")]
    check::<meshless::pool::PoolBody>();
    #[cfg(feature = "reqwest")]
    check::<meshless::client::Body>();
    #[cfg(feature = "istio")]
    check::<meshless::mesh::RequestBody<Inner>>();
}

const TIMEOUT: Duration = Duration::from_secs(1);

fn total_timeout() -> TotalTimeoutLayer {
    TotalTimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT)
}

fn endpoints() -> Endpoints {
    let endpoint = |address| Endpoint::try_from(address).unwrap();
    Endpoints::fixed([endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")])
}

fn one_route() -> TrafficSplitPolicy {
    TrafficSplitPolicy::new([Route::to(Destination::new("upstream"))])
}
