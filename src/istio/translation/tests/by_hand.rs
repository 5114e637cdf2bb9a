//! The page "From hand-made policies to Istio and back": each policy by hand equals the one of its YAML.

use std::time::Duration;

use http::StatusCode;

use super::{host, shown, subject};
use crate::foundation::sync::Percent;
use crate::istio::config::{ClusterConfig, RouteConfig};
use crate::istio::model::load::documents::Documents;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::translation::{ConfigModel, Settings};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::fault_injection::{Abort, FaultInjectionPolicy};
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::mirror::MirrorPolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::{Backoff, RetryOn, RetryPolicy};
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};

const PAGE: &str = include_str!("../../../../docs/istio-and-back.md");

/// Sections of the page that have a policy by hand and its YAML.
const SECTIONS: [&str; 9] = [
    "Timeout",
    "Retries",
    "Circuit breaker",
    "Outlier detection",
    "Load balancing",
    "Rate limit",
    "Fault injection",
    "Mirror",
    "Traffic split",
];

/// Returns the only block of a section that begins with this fence.
fn block<'a>(section: &str, fence: &str) -> &'a str {
    let (_, text) = PAGE.split_once(&format!("\n## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let fence = format!("```{fence}\n");
    let mut blocks = text.split(&fence).skip(1);
    let block = blocks.next().unwrap();
    assert!(blocks.next().is_none(), "{section}");
    block.split("```").next().unwrap()
}

fn model(section: &str) -> ConfigModel {
    let documents = Documents::read_yaml(block(section, "yaml"), LoadOptions::default(), None);
    assert!(!documents.has_errors(), "{:?}", documents.diagnostics());
    ConfigModel::of(&documents, &Settings::default())
}

fn route(section: &str) -> RouteConfig {
    let config = model(section).outbound(&subject("caller", "default"));
    host(&config, "users.internal").unwrap().routes[0].clone()
}

fn cluster(section: &str) -> ClusterConfig {
    let to = Destination::new("users.internal");
    model(section).destination(&subject("caller", "default"), &to, Some(80))
}

#[test]
fn routes_by_hand_and_by_yaml_are_equal() {
    let timeout = TimeoutPolicy::total(Duration::from_secs(5));
    assert_eq!(route("Timeout").timeout, timeout);

    let retries = RetryPolicy::new(3)
        .with_retry_on(RetryOn::parse("5xx,connect-failure").expect("conditions"))
        .with_per_try_timeout(Duration::from_secs(2))
        .with_backoff(Backoff::exponential(Duration::from_millis(100)))
        .with_per_try_queueing(false)
        .with_retry_after_in_time(true);
    assert_eq!(route("Retries").retry, retries);

    let fault = FaultInjectionPolicy::off()
        .with_delay(Percent::new(10), Duration::from_secs(3))
        .with_abort(
            Percent::new(5),
            Abort::Http(StatusCode::SERVICE_UNAVAILABLE),
        );
    assert_eq!(route("Fault injection").fault, fault);

    let mirror = MirrorPolicy::new(Percent::new(1)).with_timeout(Duration::from_secs(5));
    let to = Destination::new("users-next.internal");
    assert_eq!(shown(&route("Mirror").mirrors), shown(&[(to, mirror)]));

    let split = Route::split([
        (Destination::new("users.internal").with_subset("v1"), 90),
        (Destination::new("users.internal").with_subset("v2"), 10),
    ])
    .expect("weights")
    .with_name("canary");
    assert_eq!(shown(&route("Traffic split").route), shown(&split));
}

#[test]
fn clusters_and_limits_by_hand_and_by_yaml_are_equal() {
    let limit = ConcurrencyLimitPolicy::new(100);
    assert_eq!(cluster("Circuit breaker").limit, limit);

    let outlier = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(3)
        .with_interval(Duration::from_secs(5))
        .with_base_ejection_time(Duration::from_secs(30))
        .with_max_ejection_percent(Percent::new(50));
    assert_eq!(
        shown(&cluster("Outlier detection").outlier),
        shown(&outlier)
    );

    let balance = LoadBalancePolicy::round_robin();
    let balanced = cluster("Load balancing").load_balancer;
    assert_eq!(shown(&balanced), shown(&balance));

    let rate = RateLimitPolicy::token_bucket(20, 20, Duration::from_secs(60));
    let limits = model("Rate limit").outbound(&subject("caller", "default"));
    let limits: Vec<_> = limits.limits.iter().map(|one| shown(&one.policy)).collect();
    assert_eq!(limits, [shown(&rate)]);
}

#[test]
fn the_policies_of_the_page_are_those_of_these_tests() {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    // Trailing commas are the formatter's.
    let plain = |text: &str| squeezed(text).replace(",)", ")");
    let tests = plain(include_str!("by_hand.rs"));
    for section in SECTIONS {
        let by_hand = block(section, "rust,ignore");
        assert!(tests.contains(&plain(by_hand)), "{section}: {by_hand}");
    }
    let blocks = PAGE.matches("```rust").count();
    assert_eq!(blocks, SECTIONS.len());
}
