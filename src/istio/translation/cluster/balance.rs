use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::outlier::min_health;
use crate::foundation::http::ClientAddress;
use crate::foundation::http::{HashCookie, HashPolicy};
use crate::foundation::sync::Percent;
use crate::istio::api::destination_rule::OutlierDetection;
use crate::istio::api::fields::read::Text;
use crate::istio::api::load_balancer::{ConsistentHash, LoadBalancer, SimpleBalancer, Warmup};
use crate::policies::load_balance::{LoadBalancePolicy, SlowStart};

/// Envoy's defaults for slow start: minimum weight in percent, and aggression.
const WARMUP: (f64, f64) = (10.0, 1.0);

/// Returns the load balancing policy; the default is least request.
pub(in crate::istio::translation) fn load_balancer(
    written: Option<&LoadBalancer>,
    outlier: Option<&OutlierDetection>,
) -> LoadBalancePolicy {
    let simple = written.and_then(|written| written.simple);
    let hash = written.and_then(|written| written.consistent_hash.as_ref());
    let policy = match (
        hash.and_then(hash_policy),
        simple.map(|simple| simple.value),
    ) {
        // A hash takes precedence over `simple`, although validation allows only one.
        (Some((key, ring)), _) => match ring {
            Some(ring) => LoadBalancePolicy::consistent_hash(key).with_min_ring_size(ring),
            None => LoadBalancePolicy::consistent_hash(key),
        },
        (None, Some(SimpleBalancer::Random)) => LoadBalancePolicy::random(),
        (None, Some(SimpleBalancer::RoundRobin)) => LoadBalancePolicy::round_robin(),
        (None, Some(SimpleBalancer::Passthrough)) => LoadBalancePolicy::off(),
        (None, _) => LoadBalancePolicy::least_request(),
    };
    let policy = policy.with_min_health_percent(min_health(outlier));
    match written.and_then(slow_start) {
        Some(slow_start) => policy.with_slow_start(slow_start),
        None => policy,
    }
}

/// Returns true for `PASSTHROUGH`: requests go to their original address.
pub(in crate::istio::translation) fn is_passthrough(written: Option<&LoadBalancer>) -> bool {
    let simple = written.and_then(|written| written.simple);
    simple.is_some_and(|simple| simple.value == SimpleBalancer::Passthrough)
}

/// Returns the hash key and the minimum ring size.
fn hash_policy(hash: &ConsistentHash) -> Option<(HashPolicy, Option<u32>)> {
    let ring = hash
        .ring_hash
        .as_ref()
        .and_then(|ring| ring.minimum_ring_size);
    let ring = ring.or(hash.minimum_ring_size).map(|size| size.value);
    let ring = ring.filter(|size| *size > 0);
    let text = |text: &Text| text.as_ref().map(|text| text.value.clone());
    let header = text(&hash.http_header_name).and_then(|name| HeaderName::from_str(&name).ok());
    let cookie = hash.http_cookie.as_ref().and_then(|written| {
        let mut cookie = HashCookie::new(text(&written.name)?);
        if let Some(path) = text(&written.path).filter(|path| !path.is_empty()) {
            cookie = cookie.with_path(path);
        }
        if let Some(ttl) = written.ttl {
            cookie = cookie.with_ttl(ttl.value);
        }
        let attributes = written.attributes.0.iter().flatten();
        Some(attributes.fold(cookie, |cookie, attribute| {
            let value = text(&attribute.value).unwrap_or_default();
            cookie.with_attribute(text(&attribute.name).unwrap_or_default(), value)
        }))
    });
    let by_address = hash.use_source_ip.is_some_and(|flag| flag.value);
    let key = header
        .map(HashPolicy::header)
        .or_else(|| cookie.map(HashPolicy::cookie))
        .or_else(|| by_address.then(|| HashPolicy::client_address(ClientAddress::peer())))
        .or_else(|| text(&hash.http_query_parameter_name).map(HashPolicy::query))?;
    Some((key, ring))
}

/// Returns how endpoints start slowly, if that is written.
pub(in crate::istio::translation) fn slow_start(written: &LoadBalancer) -> Option<SlowStart> {
    let over = |window: Duration, warmup: Option<&Warmup>| {
        let least = warmup.and_then(|warmup| warmup.minimum_percent);
        let aggression = warmup.and_then(|warmup| warmup.aggression);
        SlowStart::over(window)
            .with_min_weight(Percent::from_f64(least.map_or(WARMUP.0, |p| p.value)))
            .with_aggression(aggression.map_or(WARMUP.1, |a| a.value))
    };
    let new = written.warmup.as_ref();
    new.and_then(|warmup| Some(over(warmup.duration?.value, new)))
        // The deprecated `warmupDurationSecs` applies only without `warmup`.
        .or_else(|| Some(over(written.warmup_duration_secs?.value, None)))
}
