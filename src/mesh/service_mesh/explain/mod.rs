//! Explanation of one request: the values by which a mesh would route it, with their places in the documents.
//!
//! [`Workload::explain`](super::Workload::explain) returns an [`Explanation`]. It is made by the code that a running
//! stack is made by (the same virtual hosts, compiled routes and clusters), and sends nothing.

mod cluster;
mod explained;
mod listener;
mod refusals;
mod setting;
mod text;
mod values;

pub use explained::{ExplainedCluster, ExplainedRoute, Explanation};
pub use refusals::LocalReply;
pub use setting::Setting;

use http::{Request, Response};

use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::Addressed;
use crate::foundation::outcome::{LocalReplyBody, Rejection};
use crate::istio::config::RouteConfig;
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::route::virtual_host_stack::HostContext;
use crate::mesh::service_mesh::router::table::stack_table::{
    DEFAULT_ROUTE, PASSTHROUGH_ROUTE, passthrough_config,
};
use crate::policies::traffic_split::{CompiledRoutes, RouteAction, RouteIndex};
pub(in crate::mesh::service_mesh) use listener::{explain_gateway, explain_inbound};
use refusals::Replies;

/// Explains a request that a workload sends.
pub(in crate::mesh::service_mesh) fn explain(proxy: &Proxy, head: RequestHead<'_>) -> Explanation {
    let addressed = Addressed::of(&head);
    let config = proxy.config();
    let limits = &config.outbound.limits;
    let mut explanation = Explanation::new(proxy, head);
    if let Some((_, host)) = config.find(addressed.authority) {
        let context = HostContext {
            config: host,
            port: addressed.port(),
            is_unnamed: false,
            limits,
        };
        explanation.host = Some((host.id.as_ref().into(), host.origin.clone()));
        let routes = context.compiled(None);
        explain_host(proxy, context, &routes, head, &mut explanation);
        return explanation;
    }
    let name = addressed.host.to_ascii_lowercase();
    let key = ClusterKey::unnamed(&name, addressed.port());
    let is_known = proxy.cluster_config(&key).is_some();
    let route = if is_known {
        DEFAULT_ROUTE
    } else {
        PASSTHROUGH_ROUTE
    };
    let host = passthrough_config(&name, route);
    let context = HostContext::unnamed(&host, addressed.port(), limits);
    if config.outbound.unknown_rejected && !is_known {
        let reason = "no document names the host";
        let reply = LocalReply::always(Rejection::UnknownHost, reason.into());
        explanation.replies.push(reply);
        return explanation;
    }
    let routes = context.compiled(None);
    explain_host(proxy, context, &routes, head, &mut explanation);
    explanation
}

/// Explains the route and the clusters of a request to a host.
fn explain_host(
    proxy: &Proxy,
    host: HostContext<'_>,
    routes: &CompiledRoutes,
    head: RequestHead<'_>,
    explanation: &mut Explanation,
) {
    let found = routes.find(head);
    let found = found.and_then(|place| Some((place, host.config.routes.get(place.route)?)));
    let Some((place, config)) = found else {
        let reason = "no route of the virtual host matches the request";
        let reply = LocalReply::always(Rejection::NoRoute, reason.into());
        explanation.replies.push(reply);
        return;
    };
    let mut replies = Replies::of_route(host, config, head);
    let mut settings = values::of_route(host, config, head);
    let destinations = config.route.destinations();
    let total: u64 = destinations.iter().map(|one| u64::from(one.weight())).sum();
    let mut clusters = Vec::with_capacity(destinations.len());
    for (index, weighted) in destinations.iter().enumerate() {
        let is_gateway = proxy.role == Role::Gateway;
        let key = host.cluster_key(weighted.destination(), is_gateway);
        let mut request = copied(head);
        let action = routes.apply_for(place, &mut request, index);
        let mut cluster = cluster::explained(proxy, &key, host.is_unnamed);
        cluster
            .settings
            .extend(values::changes(head, &request, &action, config));
        // A single destination gets every request, whatever its weight.
        cluster.weight = if destinations.len() == 1 {
            1
        } else {
            weighted.weight()
        };
        cluster.total_weight = if destinations.len() == 1 { 1 } else { total };
        if cluster.weight > 0 {
            replies.of_cluster(&cluster, proxy.cluster_config(&key).as_ref());
        }
        clusters.push(cluster);
    }
    if destinations.is_empty() {
        settings.extend(answer(routes, place, head, config));
    }
    replies.of_timeout(config);
    explanation.replies.extend(replies.into_vec());
    explanation.route = Some(ExplainedRoute {
        clusters,
        index: place.route,
        name: config.route.name().map(Into::into),
        origin: config.origins.route.clone(),
        settings,
    });
}

/// Explains a route that answers without a cluster.
fn answer(
    routes: &CompiledRoutes,
    place: RouteIndex,
    head: RequestHead<'_>,
    config: &RouteConfig,
) -> Option<Setting> {
    let mut request = copied(head);
    let RouteAction::LocalReply(response) = routes.apply(place, &mut request, 0) else {
        return None;
    };
    let name = if response.status().is_redirection() {
        "redirect"
    } else {
        "directResponse"
    };
    let setting =
        Setting::new(name, config.origins.route.clone()).with("status", response.status().as_u16());
    Some(headers(setting, &response))
}

fn headers(setting: Setting, response: &Response<LocalReplyBody>) -> Setting {
    let headers = response.headers().iter();
    headers.fold(setting, |setting, (name, value)| {
        setting.with(
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()),
        )
    })
}

/// Copies the head of a request, to be changed as its route says.
fn copied(head: RequestHead<'_>) -> Request<()> {
    let mut request = Request::new(());
    request.method_mut().clone_from(head.method());
    request.uri_mut().clone_from(head.uri());
    *request.version_mut() = head.version();
    request.headers_mut().clone_from(head.headers());
    request.extensions_mut().extend(head.extensions().clone());
    request
}
