//! Real-world documents.

use std::path::Path;
use std::time::Duration;

use super::{host, leads_to, shown, subject};
use crate::foundation::sync::Percent;
use crate::istio::config::ClusterDiscovery;
use crate::istio::model::load::documents::Documents;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::translation::{ConfigModel, Settings};
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::traffic_split::Destination;

/// Loads one of the review's documents.
fn review(file: &str, default_namespace: &str) -> ConfigModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/policies")
        .join(file);
    let options = LoadOptions {
        default_namespace: default_namespace.into(),
        ..LoadOptions::default()
    };
    let documents = Documents::read_path(&path, options, None);
    assert!(!documents.has_errors(), "{file}");
    ConfigModel::of(&documents, &Settings::default())
}

fn breaker() -> OutlierDetectionPolicy {
    OutlierDetectionPolicy::default()
        .with_consecutive_5xx(5)
        .with_interval(Duration::from_secs(30))
        .with_base_ejection_time(Duration::from_secs(30))
}

#[test]
fn the_breakers_of_the_review_eject() {
    let half = breaker().with_max_ejection_percent(Percent::new(50));
    for (file, namespace) in [
        ("ai-api-breaker.yaml", "default"),
        ("external-api-breaker.yaml", "waste"),
    ] {
        let meaning = review(file, "default");
        let caller = subject("user-service", namespace);
        let service = format!("waste-service.{namespace}.svc.cluster.local");
        assert_eq!(
            leads_to(&meaning.outbound(&caller), "waste-service:8000"),
            [format!("{service}||")]
        );
        let config = meaning.destination(&caller, &Destination::new(service), Some(8000));
        assert_eq!(shown(&config.outlier), shown(&half), "{file}");
        let is_external = file.starts_with("external");
        assert_eq!(config.pool.max_connections, is_external.then_some(100));
        assert_eq!(config.pool.max_pending, is_external.then_some(10));
        assert_eq!(
            config.pool.max_requests_per_connection,
            is_external.then_some(2)
        );
    }
    let roboflow = review("roboflow-breaker.yaml", "default");
    let config = roboflow.unnamed(
        &subject("waste-service", "waste"),
        "detect.roboflow.com",
        443,
    );
    assert_eq!(shown(&config.unwrap().outlier), shown(&breaker()));
}

#[test]
fn the_limit_of_the_review_is_for_what_its_workload_calls() {
    let meaning = review("llm-rate-limit.yaml", "default");
    let limits = meaning
        .outbound(&subject("recycling-service", "recycling"))
        .limits;
    let expected = RateLimitPolicy::token_bucket(20, 20, Duration::from_secs(60));
    assert_eq!(
        (limits.len(), shown(&limits[0].policy)),
        (1, shown(&expected))
    );
    assert!(
        meaning
            .outbound(&subject("waste-service", "recycling"))
            .limits
            .is_empty()
    );
    assert!(
        meaning
            .inbound(&subject("recycling-service", "recycling"))
            .limits
            .is_empty()
    );
}

#[test]
fn the_gateway_of_the_review_has_its_route() {
    let meaning = review("gateway-and-waste-route.yaml", "default");
    let config = meaning
        .gateway("sesacthon-gateway", "istio-system")
        .unwrap();
    let ports: Vec<_> = config.servers.iter().map(|server| server.port).collect();
    assert_eq!(ports, [80, 443]);
    assert_eq!(
        leads_to(&config.outbound, "api.yourdomain.com"),
        ["waste-service.waste.svc.cluster.local||80"]
    );
    let route = &host(&config.outbound, "api.yourdomain.com").unwrap().routes[0];
    assert_eq!(
        (route.retry.attempts(), route.timeout.total_timeout()),
        (3, Duration::from_secs(10))
    );
    assert_eq!(route.retry.per_try_timeout(), Some(Duration::from_secs(2)));
}

#[test]
fn the_canary_of_the_review_splits_and_its_subsets_are_not_there_yet() {
    let meaning = review("waste-ab-and-canary.yaml", "waste");
    let caller = subject("user-service", "waste");
    let config = meaning.outbound(&caller);
    let service = "waste-service.waste.svc.cluster.local";
    let expected = ["v2", "v1", "v2"].map(|subset| format!("{service}|{subset}|"));
    assert_eq!(leads_to(&config, "waste-service"), expected);
    let v1 = Destination::new(service).with_subset("v1");
    let config = meaning.destination(&caller, &v1, Some(80));
    assert_eq!(config.endpoints, ClusterDiscovery::Unknown);
}

#[test]
fn whatever_is_read_means_something_or_nothing() {
    for folder in ["tests/policies", "tests/mesh/istio/corpus"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            all_of(&String::from_utf8_lossy(&bytes));
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 32, ..Default::default() })]

    /// A truncated document, or one with a part of another in it, is rejected or translated,
    /// without a panic.
    #[test]
    fn a_document_that_is_spoilt_breaks_nothing(from in 0_usize..6_000, len in 0_usize..40, with in "[a-z{}\\[\\]:,*0-9 ]{0,12}") {
        for file in ["gateway-and-waste-route.yaml", "waste-ab-and-canary.yaml", "llm-rate-limit.yaml", "external-api-breaker.yaml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(file);
            let mut text = std::fs::read_to_string(path).unwrap();
            let from = from % text.len();
            let to = (from + len).min(text.len());
            text.replace_range(from..to, &with);
            all_of(&text);
        }
    }
}

/// Resolves every configuration.
fn all_of(text: &str) {
    let documents = Documents::from_yaml(text);
    let meaning = ConfigModel::of(&documents, &Settings::default());
    for namespace in ["default", "waste", "istio-system"] {
        let workload = subject("a", namespace);
        meaning.inbound(&workload);
        for config in meaning.outbound(&workload).hosts {
            for route in config
                .routes
                .iter()
                .flat_map(|route| route.route.destinations())
            {
                meaning.destination(&workload, route.destination(), Some(80));
            }
        }
        meaning.unnamed(&workload, "detect.roboflow.com", 443);
    }
    for resource in documents.resources() {
        meaning.gateway(resource.name(), resource.namespace());
    }
}

#[test]
fn a_strict_mesh_takes_no_document_that_is_warned_of() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/ai-api-breaker.yaml");
    for warnings_are_errors in [false, true] {
        let options = LoadOptions {
            warnings_are_errors,
            ..LoadOptions::default()
        };
        let documents = Documents::read_path(&path, options, None);
        assert_eq!(documents.has_errors(), warnings_are_errors);
        let meaning = ConfigModel::of(&documents, &Settings::default());
        let config = meaning.outbound(&subject("w", "default"));
        assert_eq!(config.hosts.is_empty(), warnings_are_errors);
    }
}
