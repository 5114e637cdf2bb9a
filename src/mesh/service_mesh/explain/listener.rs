//! Explanation of requests where they arrive: at a gateway, or at a workload.

use super::refusals::Replies;
use super::setting::Setting;
use super::values::rate_limit;
use super::{Explanation, LocalReply, explain_host, headers};
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{Addressed, authority, split_port};
use crate::foundation::outcome::Rejection;
use crate::istio::config::LocalRateLimitConfig;
use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::listener_port::ListenerPort;
use crate::mesh::service_mesh::router::route::virtual_host_stack::HostContext;

/// Explains a request to a workload, whose routes are the application's.
pub(in crate::mesh::service_mesh) fn explain_inbound(
    proxy: &Proxy,
    port: Option<u16>,
    head: RequestHead<'_>,
) -> Explanation {
    let config = proxy.config();
    let mut explanation = Explanation::new(proxy, head);
    explanation.is_inbound = true;
    explain_limits(proxy, &config, port, head, &mut explanation);
    explanation
}

/// Explains a request to a gateway that listens at `port`; `None` is any of its ports.
pub(in crate::mesh::service_mesh) fn explain_gateway(
    proxy: &Proxy,
    port: Option<u16>,
    head: RequestHead<'_>,
) -> Explanation {
    let config = proxy.config();
    let mut explanation = Explanation::new(proxy, head);
    explain_limits(proxy, &config, port, head, &mut explanation);
    let never = |reason: &str| LocalReply::always(Rejection::NoRoute, reason.into());
    let (host, _) = split_port(authority(&head));
    if config.servers_of(host, port).next().is_none() {
        let reply = never("no server of the gateway has the host");
        explanation.replies.push(reply);
        return explanation;
    }
    if let Some(response) = config.https_redirect(port, head) {
        let setting = Setting::new("httpsRedirect", None);
        let setting = setting.with("status", response.status().as_u16());
        explanation.listener.push(headers(setting, &response));
        return explanation;
    }
    let addressed = Addressed::of(&head);
    let Some((_, host)) = config.find(addressed.authority) else {
        let reply = never("no virtual service of the gateway has the host");
        explanation.replies.push(reply);
        return explanation;
    };
    explanation.host = Some((host.id.as_ref().into(), host.origin.clone()));
    let listener = ListenerPort(port);
    let context = HostContext {
        config: host,
        port: listener.of_stacks(&config),
        is_unnamed: false,
        limits: &config.outbound.limits,
    };
    let routes = context.compiled(Some(listener.all(&config)));
    explain_host(proxy, context, &routes, head, &mut explanation);
    explanation
}

/// Explains the rate limits of all that arrives.
fn explain_limits(
    proxy: &Proxy,
    config: &ProxyConfig,
    port: Option<u16>,
    head: RequestHead<'_>,
    explanation: &mut Explanation,
) {
    // Those of a gateway's route replace them.
    if proxy.role == Role::Gateway && config.has_own_limits(head, port) {
        return;
    }
    let is_here = |limit: &&LocalRateLimitConfig| {
        limit.port.is_none() || port.is_none() || limit.port == port
    };
    let limits = config.inbound.iter().filter(is_here);
    let counting = limits.filter(|limit| limit.policy.cost(head) > 0);
    explanation
        .listener
        .extend(counting.clone().filter_map(rate_limit));
    let replies = Replies::of_limits(counting).into_vec();
    explanation.replies.extend(replies);
}
