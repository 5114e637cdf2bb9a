use crate::istio::api::destination_rule::{
    ConnectionPool, HttpSettings, OutlierDetection, UpgradePolicy,
};
use crate::istio::validation::Validator;

impl Validator<'_> {
    pub(in crate::istio::validation) fn connection_pool(&mut self, pool: Option<&ConnectionPool>) {
        let Some(pool) = pool else { return };
        if pool.tcp.is_none() && pool.http.is_none() {
            let message = "the connection pool limits nothing";
            self.reject(pool.at, message, "write `tcp` or `http` settings");
        }
        if let Some(http) = &pool.http {
            self.http_settings(http);
        }
    }

    pub(in crate::istio::validation) fn outlier_detection(
        &mut self,
        outlier: Option<&OutlierDetection>,
    ) {
        let Some(outlier) = outlier else { return };
        if let Some(errors) = outlier
            .consecutive_errors
            // In Istio's API, 0 is the same as unset for this field.
            .filter(|errors| errors.value != 0)
        {
            let effect = "it is read as `consecutive5xxErrors`";
            let help = format!("write `consecutive5xxErrors: {}`", errors.value);
            let message = "`consecutiveErrors` is deprecated: since 1.7 Istio ignores its value, and ejects after 5 failures";
            self.warn(errors.at, message, effect, help);
        }
        let is_split = outlier
            .split_external_local_origin_errors
            .is_some_and(|s| s.value);
        if let Some(local) = outlier.consecutive_local_origin_failures
            && local.value > 0
            && !is_split
        {
            let message = "local failures are counted with all others";
            self.reject(
                local.at,
                message,
                "write `splitExternalLocalOriginErrors: true`, or remove it",
            );
        }
    }

    fn http_settings(&mut self, http: &HttpSettings) {
        let upgrades = http
            .h2_upgrade_policy
            .is_some_and(|p| p.value == UpgradePolicy::Upgrade);
        if let Some(client) = http.use_client_protocol.filter(|client| client.value)
            && upgrades
        {
            let message = "the client's protocol is kept, and upgraded";
            self.reject(
                client.at,
                message,
                "keep `useClientProtocol` or `h2UpgradePolicy`",
            );
        }
    }
}
