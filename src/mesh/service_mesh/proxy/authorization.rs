//! Authorization policies of a proxy.

use super::proxy_config::ProxyConfig;
use super::role::Role;
use crate::foundation::events::Emitter;
use crate::mesh::service_mesh::options::Options;
use crate::policies::authorization::{
    AuthorizationLayer, AuthorizationPolicies, AuthorizationPolicy, RemoteAddress, Rule,
};

/// Creates the layer with the policies of a proxy.
pub(super) fn layer(
    options: &Options,
    role: Role,
    config: &ProxyConfig,
    emitter: Emitter,
) -> AuthorizationLayer {
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
