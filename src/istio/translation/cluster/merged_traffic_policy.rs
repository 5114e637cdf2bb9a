use crate::istio::api::destination_rule::{
    ClientTls, ConnectionPool, OutlierDetection, RetryBudget, Subset, TrafficPolicy,
};
use crate::istio::api::load_balancer::LoadBalancer;
use crate::istio::config::ClusterOrigins;
use crate::istio::translation::index::destination_rule_index::InRule;

/// The effective traffic policy of one port of one subset, by blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::istio::translation) struct MergedTrafficPolicy<'a> {
    pub(in crate::istio::translation) balancer: Option<&'a LoadBalancer>,
    pub(in crate::istio::translation) budget: Option<&'a RetryBudget>,
    pub(in crate::istio::translation) outlier: Option<&'a OutlierDetection>,
    pub(in crate::istio::translation) pool: Option<&'a ConnectionPool>,
    pub(in crate::istio::translation) tls: Option<&'a ClientTls>,
}

impl<'a> MergedTrafficPolicy<'a> {
    /// Merges the policy of a rule with that of a subset, for a port.
    pub(in crate::istio::translation) fn of(
        rule: Option<&'a TrafficPolicy>,
        subset: Option<&'a TrafficPolicy>,
        port: Option<u16>,
    ) -> Self {
        Self::default().under(rule, port).under(subset, port)
    }

    /// Returns the places of the blocks: in the rule `rule`, unless the policy of the subset overrides it.
    pub(in crate::istio::translation) fn origins(
        &self,
        rule: Option<InRule<'a, TrafficPolicy>>,
        subset: Option<InRule<'a, Subset>>,
        port: Option<u16>,
    ) -> ClusterOrigins {
        let base = Self::default().under(rule.map(|(_, policy)| policy), port);
        let (rule, of_subset) = (rule.map(|(rule, _)| rule), subset.map(|(rule, _)| rule));
        macro_rules! origin {
            ($block:ident) => {
                self.$block.and_then(|block| {
                    let is_base = base.$block.is_some_and(|own| std::ptr::eq(own, block));
                    let rule = if is_base { rule } else { of_subset };
                    Some(rule?.origin(block.at))
                })
            };
        }
        ClusterOrigins {
            budget: origin!(budget),
            endpoints: None,
            load_balancer: origin!(balancer),
            outlier: origin!(outlier),
            pool: origin!(pool),
            rule: None,
            subset: subset.map(|(rule, subset)| rule.origin(subset.at)),
            tls: origin!(tls),
        }
    }

    /// Overrides this policy with another: each block is replaced as a whole. Port-level settings
    /// replace load balancer, outlier detection, connection pool and TLS together; those not set
    /// there return to their defaults. The retry budget is kept, since Istio has none per port.
    fn under(self, policy: Option<&'a TrafficPolicy>, port: Option<u16>) -> Self {
        let Some(policy) = policy else { return self };
        let merged = Self {
            balancer: policy.load_balancer.as_deref().or(self.balancer),
            budget: policy.retry_budget.as_ref().or(self.budget),
            outlier: policy.outlier_detection.as_deref().or(self.outlier),
            pool: policy.connection_pool.as_deref().or(self.pool),
            tls: policy.tls.as_deref().or(self.tls),
        };
        let ports = policy.port_level_settings.0.iter().flatten();
        let of_port = ports.filter(|own| {
            let number = own.port.as_ref().and_then(|port| port.number);
            number.is_some_and(|number| port.is_some_and(|port| number.value == u32::from(port)))
        });
        of_port.fold(merged, |merged, own| Self {
            balancer: own.load_balancer.as_deref(),
            outlier: own.outlier_detection.as_deref(),
            pool: own.connection_pool.as_deref(),
            tls: own.tls.as_deref(),
            ..merged
        })
    }
}
