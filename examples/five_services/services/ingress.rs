//! The ingress: what comes in from outside goes where the gateway of the review and its route say.

use axum::Router;
use meshless::Mesh;
use tokio::net::TcpListener;

use super::{Service, outbound};
use crate::Result;

/// Starts the ingress.
pub(crate) fn ingress(mesh: &Mesh, listener: TcpListener) -> Result<Service> {
    let gateway = mesh.gateway("sesacthon-gateway", "istio-system")?;
    // Here it has one port, whatever the policies call it.
    let gateway = gateway.service_with(outbound::clients)?;
    Ok(Service::serve(
        Router::new().fallback_service(gateway),
        listener,
    )?)
}
