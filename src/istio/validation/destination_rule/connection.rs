use crate::istio::api::destination_rule::{
    ConnectionPool, HttpSettings, OutlierDetection, UpgradePolicy,
};
use crate::istio::api::fields::read::Int;
use crate::istio::syntax::tree::Value;
use crate::istio::validation::Validator;

impl Validator<'_> {
    pub(in crate::istio::validation) fn connection_pool(&mut self, pool: Option<&ConnectionPool>) {
        let Some(pool) = pool else { return };
        if pool.tcp.is_none() && pool.http.is_none() {
            let message = "the connection pool limits nothing";
            self.reject(pool.at, message, "write `tcp` or `http` settings");
        }
        if let Some(tcp) = &pool.tcp {
            self.not_negative(tcp.max_connections);
            self.time(&tcp.connect_timeout);
            self.time(&tcp.max_connection_duration);
            self.time_or_zero(&tcp.idle_timeout);
            if let Some(keepalive) = &tcp.tcp_keepalive {
                self.time(&keepalive.time);
                self.time(&keepalive.interval);
            }
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
        self.time(&outlier.interval);
        self.time(&outlier.base_ejection_time);
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
        let codes = outlier.outlier_detection_http_error_codes;
        for code in codes.iter().flat_map(|codes| self.tree.items(codes.0)) {
            if !matches!(self.tree.value(*code), Value::Int(100..=599)) {
                self.reject(*code, "this is no status of HTTP", "write 100 to 599");
            }
        }
        for percent in [outlier.max_ejection_percent, outlier.min_health_percent]
            .into_iter()
            .flatten()
        {
            if !(0..=100).contains(&percent.value) {
                self.reject(
                    percent.at,
                    "the percentage is not between 0 and 100",
                    "write 0 to 100",
                );
            }
        }
    }

    fn http_settings(&mut self, http: &HttpSettings) {
        for number in [
            http.http1_max_pending_requests,
            http.http2_max_requests,
            http.max_requests_per_connection,
            http.max_retries,
            http.max_concurrent_streams,
        ] {
            self.not_negative(number);
        }
        self.time(&http.idle_timeout);
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
        let Some(keep_alive) = &http.http2_keep_alive else {
            return;
        };
        for (field, time) in [
            ("interval", keep_alive.interval),
            ("timeout", keep_alive.timeout),
        ] {
            match time {
                Some(_) => self.time(&time),
                None => self.require(
                    keep_alive.at,
                    field,
                    "the keep-alive is incomplete",
                    "write both `interval` and `timeout`",
                ),
            }
        }
    }

    fn not_negative(&mut self, number: Int) {
        if let Some(number) = number.filter(|number| number.value < 0) {
            self.reject(
                number.at,
                "the number is negative",
                "write 0 for no limit, or more",
            );
        }
    }
}
