//! Authorization policies of a proxy.

use std::sync::Arc;

use super::config::proxy_config::ProxyConfig;
use super::role::Role;
use super::state::Proxy;
use crate::foundation::events::Emitter;
use crate::foundation::outcome::Source;
use crate::mesh::service_mesh::options::Options;
use crate::policies::authorization::{
    AuthorizationGate, AuthorizationLayer, AuthorizationPolicies, AuthorizationPolicy,
    RemoteAddress, Rule,
};

impl Proxy {
    /// Returns the gate of the authorization policies, for a server at `port`.
    pub(in crate::mesh) fn authorization(&self, port: Option<u16>) -> AuthorizationGate {
        match port {
            Some(port) => self.authorization.clone().with_port(port).gate(),
            None => self.authorization.gate(),
        }
    }

    /// Returns the authorization policies.
    pub(in crate::mesh) const fn authorization_layer(&self) -> &AuthorizationLayer {
        &self.authorization
    }
}

/// Creates the layer with the policies of a proxy.
pub(super) fn layer(
    options: &Options,
    role: Role,
    config: &ProxyConfig,
    source: Source,
) -> AuthorizationLayer {
    let emitter = Emitter::with_source(Arc::clone(&options.observe), source);
    let layer = AuthorizationLayer::with_emitter(AuthorizationPolicies::default(), emitter);
    let layer = layer.expect("no policy has no value that is wrong");
    let layer = layer.with_remote_address(match role {
        Role::Gateway => RemoteAddress::Sanitized,
        Role::Workload => RemoteAddress::LastForwarded,
    });
    apply(&layer, options, config);
    layer
}

/// Replaces the policies.
pub(super) fn apply(layer: &AuthorizationLayer, options: &Options, config: &ProxyConfig) {
    let with = |policies: Vec<AuthorizationPolicy>| {
        layer.reconfigure(options.authorization.clone().with_policies(policies))
    };
    if let Err(error) = with(config.authorization.clone()) {
        // The validation refuses such documents. What it overlooks denies, as Istio's control plane does.
        tracing::error!(
            "authorization policies cannot be enforced, so that all requests are denied: {error}"
        );
        let deny = AuthorizationPolicy::deny("unreadable").with_rule(Rule::new());
        let denied = with(vec![deny]);
        debug_assert!(denied.is_ok(), "the policy has no value");
    }
}
