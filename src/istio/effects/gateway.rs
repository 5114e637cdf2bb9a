use super::CoverageReport;
use crate::istio::api::fields::read::Text;
use crate::istio::api::gateway::{Gateway, Server};

pub(super) fn gateway(gateway: &Gateway, idle: &mut CoverageReport<'_>) {
    for one in gateway.servers.0.iter().flatten() {
        server(one, idle);
    }
}

fn server(server: &Server, idle: &mut CoverageReport<'_>) {
    let set = |text: &Text| {
        text.as_ref()
            .filter(|text| !text.value.is_empty())
            .map(|text| text.at)
    };
    for (name, at) in [
        ("bind", set(&server.bind)),
        ("defaultEndpoint", set(&server.default_endpoint)),
    ] {
        if let Some(at) = at {
            idle.note(
                at,
                name,
                "the application's listener decides about its address",
            );
        }
    }
    if let Some(tls) = &server.tls
        && let Some(mode) = tls.mode
    {
        let effect = "the listener in front of the stack has the certificates and the connections";
        idle.note(mode.at, "tls", effect);
    }
    let protocol = server.port.as_ref().and_then(|port| port.protocol.as_ref());
    let others = ["MONGO", "MYSQL", "REDIS", "TCP", "TLS", "UDP"];
    if let Some(protocol) = protocol
        && others
            .iter()
            .any(|other| protocol.value.eq_ignore_ascii_case(other))
    {
        let effect = "only HTTP is handled: the server takes no requests";
        idle.warn(
            protocol.at,
            "protocol",
            effect,
            "let such connections in by other means",
        );
    }
}
