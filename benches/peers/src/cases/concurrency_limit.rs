use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use tower::{Layer, ServiceBuilder};

use crate::case::{Case, case};
use crate::peers::{IN_FLIGHT, tr_bulkhead};

const WORK: &str = "concurrency limit";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(WORK, "meshless", |upstream| {
            ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(IN_FLIGHT)).layer(upstream)
        }),
        case(WORK, "tower", |upstream| {
            ServiceBuilder::new()
                .concurrency_limit(IN_FLIGHT as usize)
                .service(upstream)
        }),
        case(WORK, "tower-resilience", |upstream| {
            tr_bulkhead().layer(upstream)
        }),
    ]
}
