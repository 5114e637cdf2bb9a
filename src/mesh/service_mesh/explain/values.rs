//! Settings of a route, and its changes to a request.

use http::{HeaderMap, Request, header};

use super::setting::Setting;
use crate::foundation::http::RequestHead;
use crate::istio::config::{LocalRateLimitConfig, RouteConfig};
use crate::mesh::service_mesh::router::route::virtual_host_stack::HostContext;
use crate::policies::fault_injection::Abort;
use crate::policies::traffic_split::RouteAction;

/// Returns the policies of a route, in the order in which a request meets them.
pub(super) fn of_route(
    host: HostContext<'_>,
    config: &RouteConfig,
    head: RequestHead<'_>,
) -> Vec<Setting> {
    let mut settings: Vec<_> = counting(host, config, head)
        .filter_map(rate_limit)
        .collect();
    settings.extend(fault(config));
    // A route that answers by itself calls no cluster.
    if config.route.destinations().is_empty() {
        return settings;
    }
    settings.extend(cors(config, head));
    settings.extend(mirrors(config));
    settings.push(timeout(config));
    settings.push(retries(config));
    settings
}

fn cors(config: &RouteConfig, head: RequestHead<'_>) -> Option<Setting> {
    let policy = config.cors.as_ref()?;
    let setting = Setting::new("corsPolicy", config.origins.cors.clone());
    Some(setting.with("request", policy.effect_on(head)))
}

/// Returns the rate limits that count a request.
pub(super) fn counting<'a>(
    host: HostContext<'a>,
    config: &'a RouteConfig,
    head: RequestHead<'a>,
) -> impl Iterator<Item = &'a LocalRateLimitConfig> {
    let limits = host.limits_of(config);
    limits.filter(move |limit| limit.policy.cost(head) > 0)
}

/// Returns what a route changes in a request and in its response.
pub(super) fn changes(
    before: RequestHead<'_>,
    after: &Request<()>,
    action: &RouteAction,
    config: &RouteConfig,
) -> Vec<Setting> {
    let origins = &config.origins;
    let mut rewrite = Setting::new("rewrite", origins.rewrite.clone());
    if before.uri().path() != after.uri().path() {
        rewrite = rewrite.with("path", after.uri().path());
    }
    let host = |headers: &HeaderMap| headers.get(header::HOST).cloned();
    if let Some(host) =
        host(after.headers()).filter(|new| host(before.headers()).as_ref() != Some(new))
    {
        rewrite = rewrite.with("authority", String::from_utf8_lossy(host.as_bytes()));
    }
    let request = Setting::new("request headers", origins.headers.clone());
    let request = difference(request, before.headers(), after.headers());
    let mut response = HeaderMap::new();
    if let RouteAction::Forward(_, actions) = action {
        actions.apply(&mut response);
    }
    let on_response = Setting::new("response headers", origins.headers.clone());
    let on_response = difference(on_response, &HeaderMap::new(), &response);
    let settings = [rewrite, request, on_response];
    settings
        .into_iter()
        .filter_map(Setting::unless_empty)
        .collect()
}

fn difference(mut setting: Setting, before: &HeaderMap, after: &HeaderMap) -> Setting {
    for name in after.keys().filter(|name| **name != header::HOST) {
        let all =
            |headers: &HeaderMap| -> Vec<_> { headers.get_all(name).iter().cloned().collect() };
        let (old, new) = (all(before), all(after));
        if old != new {
            let new: Vec<_> = new
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            setting = setting.with(name.as_str().to_owned(), new.join(", "));
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        setting = setting.with(name.as_str().to_owned(), "(removed)");
    }
    setting
}

pub(super) fn rate_limit(limit: &LocalRateLimitConfig) -> Option<Setting> {
    let setting = Setting::new("local rate limit", limit.origin.clone());
    setting.with_all(limit.policy.settings()).unless_empty()
}

fn fault(config: &RouteConfig) -> Option<Setting> {
    let mut setting = Setting::new("fault", config.origins.fault.clone());
    if let Some((share, delay)) = config.fault.delay() {
        setting = setting.with("delay", format_args!("{delay:?} of {share}"));
    }
    if let Some((share, abort)) = config.fault.abort() {
        let status = match abort {
            Abort::Grpc(status) => format!("gRPC status {}", status.code()),
            Abort::Http(status) => status.as_u16().to_string(),
        };
        setting = setting.with("abort", format_args!("{status} of {share}"));
    }
    setting.unless_empty()
}

fn mirrors(config: &RouteConfig) -> Option<Setting> {
    let setting = Setting::new("mirror", config.origins.mirror.clone());
    let mirrors = config.mirrors.iter();
    let setting = mirrors.fold(setting, |setting, (destination, policy)| {
        setting.with(destination.to_string(), policy.share())
    });
    setting.unless_empty()
}

fn timeout(config: &RouteConfig) -> Setting {
    let setting = Setting::new("timeout", config.origins.timeout.clone());
    match config.timeout.total_timeout() {
        total if total.is_zero() => setting.with("total", "none"),
        total => setting.with("total", format_args!("{total:?}")),
    }
}

fn retries(config: &RouteConfig) -> Setting {
    let policy = &config.retry;
    let setting = Setting::new("retries", config.origins.retry.clone());
    let setting = setting.with("attempts", policy.attempts());
    if policy.attempts() == 0 {
        return setting;
    }
    let per_try = policy.per_try_timeout().map(|time| format!("{time:?}"));
    let methods = if policy.non_idempotent() {
        "all"
    } else {
        "idempotent"
    };
    setting
        .with_some("perTryTimeout", per_try)
        .with("retryOn", policy.retry_on())
        .with("backoff", policy.backoff())
        .with("budget", policy.budget().describe())
        .with("methods", methods)
}
