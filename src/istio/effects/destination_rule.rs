use super::CoverageReport;
use crate::istio::api::destination_rule::{ClientTls, DestinationRule, TlsMode};

/// Reports `ISTIO_MUTUAL` where there are no certificates for it.
pub(super) fn without_identity(rule: &DestinationRule, idle: &mut CoverageReport<'_>) {
    let subsets = rule.subsets.0.iter().flatten();
    let of_subsets = subsets.filter_map(|subset| subset.traffic_policy.as_ref());
    for policy in rule.traffic_policy.iter().chain(of_subsets) {
        let ports = policy.port_level_settings.0.iter().flatten();
        let of_ports = ports.filter_map(|own| own.tls.as_ref());
        for tls in policy.tls.iter().chain(of_ports) {
            report(tls, idle);
        }
    }
}

fn report(tls: &ClientTls, idle: &mut CoverageReport<'_>) {
    let mode = tls.mode.as_ref();
    if let Some(mode) = mode.filter(|mode| mode.value == TlsMode::IstioMutual) {
        idle.warn(
            mode.at,
            "mode",
            "requests go out as they are called, `http://` in plain text: neither side proves who it is",
            "give the mesh its certificates by `MeshBuilder::with_certificates`",
        );
    }
}
