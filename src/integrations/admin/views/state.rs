//! Everything that the page shows, as one value.

use serde::Serialize;
use serde_json::{Value, json};

use super::{graph, recorded};
use crate::foundation::time::clock;
use crate::integrations::admin::page::Shared;
use crate::integrations::admin::security::redact;
use crate::integrations::admin::stacks::StackState;
use crate::mesh::snapshot::ProxySnapshot;

/// Returns the state of the process, without secrets.
pub(in crate::integrations::admin) fn state(shared: &Shared) -> Value {
    let mesh = shared.mesh.snapshot();
    let stacks = shared
        .stacks
        .states()
        .into_iter()
        .map(|(name, host, state)| {
            let (kind, state) = match &state {
                StackState::Inbound(state) => ("inbound", value(state)),
                StackState::Outbound(state) => ("outbound", value(state)),
            };
            json!({ "name": name, "host": host, "kind": kind, "state": state })
        });
    let stacks: Vec<_> = stacks.collect();
    let events = shared.recorder.events();
    let events: Vec<_> = events.iter().map(|one| recorded::event(one)).collect();
    let graph = graph::graph(shared, &mesh);
    let mut state = json!({ "mesh": value(&mesh), "stacks": stacks });
    redact::value(&mut state);
    state["process"] = process(shared);
    state["graph"] = graph;
    state["events"] = events.into();
    state
}

/// Returns the facts about the process and its page.
pub(in crate::integrations::admin) fn process(shared: &Shared) -> Value {
    let uptime = clock::now().saturating_duration_since(shared.began);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": uptime.as_secs(),
        "state": live(shared),
        "actions": shared.actions.is_some(),
        "fleet": shared.fleet.len(),
    })
}

/// Returns the state of the process by Envoy's name.
pub(in crate::integrations::admin) fn live(shared: &Shared) -> &'static str {
    if shared.readiness.is_ready() {
        "LIVE"
    } else {
        "DRAINING"
    }
}

/// Returns the facts about the process in the form of Envoy's `/server_info`.
pub(in crate::integrations::admin) fn server_info(shared: &Shared) -> Value {
    let uptime = clock::now().saturating_duration_since(shared.began);
    let uptime = format!("{}s", uptime.as_secs());
    let mesh = shared.mesh.snapshot();
    let ids: Vec<_> = mesh.proxies.iter().map(node_id).collect();
    json!({
        "version": concat!("meshless/", env!("CARGO_PKG_VERSION")),
        "state": live(shared),
        "uptime_current_epoch": uptime,
        "uptime_all_epochs": uptime,
        "node": {
            "id": ids.first(),
            "cluster": mesh.proxies.first().map(|one| format!("{}.{}", one.name, one.namespace)),
            "metadata": { "PROXIES": ids, "CONFIG_VERSION": mesh.version },
        },
    })
}

/// Returns the id of a proxy in the form of Istio's, without the address of a pod.
pub(super) fn node_id(proxy: &ProxySnapshot) -> String {
    let kind = if proxy.is_gateway {
        "router"
    } else {
        "sidecar"
    };
    format!("{kind}~{}.{}", proxy.name, proxy.namespace)
}

fn value(snapshot: &impl Serialize) -> Value {
    // A snapshot has texts as keys alone, so that it always has a form in JSON.
    serde_json::to_value(snapshot).unwrap_or_default()
}
