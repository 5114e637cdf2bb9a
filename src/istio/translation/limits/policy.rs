use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::actions::{Actions, Wanted};
use super::patch::Config;
use crate::foundation::http::authority::{default_port, scheme};
use crate::foundation::http::{GrpcStatus, PeerAddress, RequestHead};
use crate::foundation::sync::Percent;
use crate::istio::api::local_rate_limit::{
    AppendAction as Action, Denominator, Descriptor, HeaderValueOption, LocalRateLimit,
    RateLimitHeaders as Written, RuntimeFraction, TokenBucket,
};
use crate::istio::config::LocalRateLimitConfig;
use crate::policies::rate_limit::{
    AddedHeader, AppendAction, Key, RateLimitHeaders, RateLimitPolicy,
};

/// Envoy's default for `max_dynamic_descriptors`.
const DYNAMIC: usize = 20;

/// Match of the requests that a limit counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct DescriptorSet {
    /// Port in the request's authority.
    pub(super) port: Option<u16>,
    /// Port of the listener.
    pub(super) at: Option<u16>,
}

/// Returns the limits of a configuration in the order in which Envoy charges them: the descriptors'
/// buckets, slowest fill rate first, and then the default bucket.
pub(super) fn local_rate_limits(
    id: &str,
    config: &Config,
    actions: &[Actions],
    counted: DescriptorSet,
) -> Vec<LocalRateLimitConfig> {
    let actions = if config.actions.is_empty() {
        actions
    } else {
        &config.actions
    };
    // A filter evaluates only the actions of its own stage.
    let stage = config.limit.stage.map_or(0, |stage| stage.value);
    let actions: Arc<[Actions]> = actions
        .iter()
        .filter(|a| a.stage == stage)
        .cloned()
        .collect();
    let mut descriptors: Vec<_> = config.limit.descriptors.iter().enumerate().collect();
    // Envoy charges the slowest bucket first, so that a rejected request does not drain faster
    // ones.
    descriptors.sort_by(|(_, one), (_, two)| rate(one).total_cmp(&rate(two)));
    let new = |suffix: &str, bucket: &TokenBucket, policy| LocalRateLimitConfig {
        id: format!("{id} {suffix}").into(),
        origin: Some(config.object.origin(bucket.at)),
        policy,
        port: counted.at,
        route: None,
    };
    let mut configs = Vec::new();
    let mut all_wanted = Vec::new();
    for (index, descriptor) in descriptors {
        let Some(bucket) = &descriptor.token_bucket else {
            continue;
        };
        let wanted: Arc<[Wanted]> = wanted(descriptor).into();
        all_wanted.push(Arc::clone(&wanted));
        let mut policy = policy(config, bucket);
        let makes = {
            let (actions, wanted) = (Arc::clone(&actions), Arc::clone(&wanted));
            move |head: RequestHead<'_>| actions.iter().any(|one| one.makes(&wanted, head))
        };
        if wanted.iter().any(|(_, value)| value.is_none()) {
            policy = keyed(policy, config, &actions, &wanted);
        }
        // A cost of 0 exempts a request from this bucket.
        let policy = policy.with_cost(move |head| u64::from(counted.is_for(head) && makes(head)));
        configs.push(new(&format!("descriptor {index}"), bucket, policy));
    }
    let Some(bucket) = &config.limit.token_bucket else {
        return configs;
    };
    let mut default = policy(config, bucket);
    let always = config.limit.always_consume_default_token_bucket;
    // Envoy's default is true: the default bucket is charged in addition to descriptors.
    let always = always.is_none_or(|always| always.value) || all_wanted.is_empty();
    if !always || counted.port.is_some() {
        default = default.with_cost(move |head| {
            let makes = |wanted: &Arc<[Wanted]>| actions.iter().any(|one| one.makes(wanted, head));
            u64::from(counted.is_for(head) && (always || !all_wanted.iter().any(makes)))
        });
    }
    configs.push(new("all", bucket, default));
    configs
}

impl DescriptorSet {
    fn is_for(self, head: RequestHead<'_>) -> bool {
        self.port.is_none_or(|port| {
            let own = head.uri().port_u16();
            own.unwrap_or_else(|| default_port(scheme(&head))) == port
        })
    }
}

fn policy(config: &Config, bucket: &TokenBucket) -> RateLimitPolicy {
    let limit = &config.limit;
    let tokens = bucket
        .max_tokens
        .map_or(0, |tokens| u64::from(tokens.value));
    let fill = bucket
        .tokens_per_fill
        .map_or(1, |fill| u64::from(fill.value));
    let interval = bucket
        .fill_interval
        .map_or(Duration::ZERO, |interval| interval.value);
    let mut policy = RateLimitPolicy::token_bucket(tokens, fill, interval)
        .with_enabled(share(limit.filter_enabled.as_ref()).unwrap_or(Percent::ALL))
        .with_enforced(enforced(limit));
    if let Some(status) = config
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
    {
        policy = policy.with_status(status);
    }
    if limit
        .rate_limited_as_resource_exhausted
        .is_some_and(|flag| flag.value)
    {
        policy = policy.with_grpc_status(GrpcStatus::RESOURCE_EXHAUSTED);
    }
    policy = match limit
        .enable_x_ratelimit_headers
        .map(|headers| headers.value)
    {
        Some(Written::DraftVersion03) => policy.with_headers(RateLimitHeaders::Envoy),
        Some(Written::Off) => policy.with_headers(RateLimitHeaders::None),
        None => policy,
    };
    if limit
        .local_rate_limit_per_downstream_connection
        .is_some_and(|flag| flag.value)
    {
        policy = policy.with_key(Key::function(|head| PeerAddress::of(head.extensions())));
    }
    let added = limit.request_headers_to_add_when_not_enforced.iter();
    let policy = added.fold(policy, |policy, option| match header(option) {
        Some((name, value)) => {
            policy.with_added_header(AddedHeader::new(name, value, action(option)))
        }
        None => policy,
    });
    let answered = limit.response_headers_to_add.iter().filter_map(header);
    answered.fold(policy, |policy, (name, value)| {
        policy.with_answer_header(name, value)
    })
}

fn header(option: &HeaderValueOption) -> Option<(HeaderName, HeaderValue)> {
    let header = option.header.as_ref()?;
    let name = HeaderName::from_str(&header.key.as_ref()?.value).ok()?;
    let value = header
        .value
        .as_ref()
        .map_or("", |value| value.value.as_str());
    let value = HeaderValue::from_str(&value.replace("%%", "%")).ok()?;
    Some((name, value))
}

/// Returns what happens to a header that is there already: it is kept, unless the option says otherwise.
fn action(option: &HeaderValueOption) -> AppendAction {
    match option.append_action.map(|action| action.value) {
        Some(Action::AddIfAbsent) => AppendAction::AddIfAbsent,
        Some(Action::OverwriteIfExistsOrAdd) => AppendAction::Overwrite,
        Some(Action::OverwriteIfExists) => AppendAction::OverwriteIfExists,
        None if option.append.is_some_and(|append| !append.value) => AppendAction::Overwrite,
        Some(Action::AppendIfExistsOrAdd) | None => AppendAction::Append,
    }
}

/// Adds a bucket per value of the descriptor entries without a value.
fn keyed(
    policy: RateLimitPolicy,
    config: &Config,
    actions: &Arc<[Actions]>,
    wanted: &Arc<[Wanted]>,
) -> RateLimitPolicy {
    let (actions, wanted) = (Arc::clone(actions), Arc::clone(wanted));
    let most = config.limit.max_dynamic_descriptors.map(|most| most.value);
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(DYNAMIC);
    let key = Key::function(move |head| {
        let made = actions.iter().find(|one| one.makes(&wanted, head))?;
        Some(made.values(head))
    });
    policy.with_key(key).with_max_keys(most)
}

fn wanted(descriptor: &Descriptor) -> Vec<Wanted> {
    let entries = descriptor.entries.iter().map(|entry| {
        let key = entry.key.as_ref().map_or("", |key| key.value.as_str());
        // An empty value is unset in protobuf: the entry matches any value.
        let value = entry.value.as_ref().filter(|value| !value.value.is_empty());
        (key.into(), value.map(|value| value.value.as_str().into()))
    });
    entries.collect()
}

/// Returns the fill rate of a descriptor's bucket in tokens per second.
fn rate(descriptor: &Descriptor) -> f64 {
    let bucket = descriptor.token_bucket.as_ref();
    let fill = bucket
        .and_then(|bucket| bucket.tokens_per_fill)
        .map_or(1, |fill| fill.value);
    let interval = bucket.and_then(|bucket| bucket.fill_interval);
    f64::from(fill) / interval.map_or(f64::INFINITY, |interval| interval.value.as_secs_f64())
}

/// Returns the share of requests over the limit that are turned away. Where only `filter_enabled` is
/// written, that is none, as in Envoy: so a limit is tried out on real traffic. Where neither is, it is
/// all: the check warned that Envoy limits nothing then.
fn enforced(limit: &LocalRateLimit) -> Percent {
    let default = match share(limit.filter_enabled.as_ref()) {
        Some(_) => Percent::NONE,
        None => Percent::ALL,
    };
    share(limit.filter_enforced.as_ref()).unwrap_or(default)
}

/// Returns a share that is written.
fn share(fraction: Option<&RuntimeFraction>) -> Option<Percent> {
    let percent = fraction?.default_value.as_ref()?;
    let numerator = percent.numerator.map_or(0, |numerator| numerator.value);
    let scale = match percent.denominator.map(|denominator| denominator.value) {
        None | Some(Denominator::Hundred) => 10_000,
        Some(Denominator::TenThousand) => 100,
        Some(Denominator::Million) => 1,
    };
    Some(Percent::per_million(numerator.saturating_mul(scale)))
}
