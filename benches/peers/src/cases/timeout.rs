use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower::{Layer, ServiceBuilder};

use crate::case::{Case, case};
use crate::peers::{LONG, context, seatbelt_timeout, tower_http_timeout, tr_timeout};

const WORK: &str = "timeout";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(WORK, "meshless, head and body", |upstream| {
            let policy = TimeoutPolicy::total(LONG)
                .with_incoming(false)
                .with_outgoing(false);
            TimeoutLayer::new(policy).layer(upstream)
        }),
        case(WORK, "meshless, and deadline passed on", |upstream| {
            TimeoutLayer::new(TimeoutPolicy::total(LONG)).layer(upstream)
        }),
        case(WORK, "tower, head", |upstream| {
            ServiceBuilder::new().timeout(LONG).service(upstream)
        }),
        case(WORK, "tower-http, head", |upstream| {
            tower_http_timeout().layer(upstream)
        }),
        case(WORK, "tower-resilience, head", |upstream| {
            tr_timeout().layer(upstream)
        }),
        case(WORK, "seatbelt, head", |upstream| {
            seatbelt_timeout(&context()).layer(upstream)
        }),
    ]
}
