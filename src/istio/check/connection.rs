use super::Check;
use super::names::is_header_name;
use crate::istio::kinds::destination_rule::{
    ConnectionPool, HttpSettings, OutlierDetection, UpgradePolicy,
};
use crate::istio::kinds::load_balancer::{ConsistentHash, LoadBalancer, SimpleBalancer};
use crate::istio::read::Int;

/// The largest table that Envoy takes.
const MAX_TABLE: u32 = 5_000_011;

impl Check<'_> {
    pub(super) fn connection_pool(&mut self, pool: Option<&ConnectionPool>) {
        let Some(pool) = pool else { return };
        if pool.tcp.is_none() && pool.http.is_none() {
            let what = "the connection pool limits nothing";
            self.refuse(pool.at, what, "write `tcp` or `http` settings");
        }
        if let Some(tcp) = &pool.tcp {
            self.not_negative(tcp.max_connections);
            self.time(&tcp.connect_timeout);
            self.time(&tcp.max_connection_duration);
            self.time(&tcp.idle_timeout);
        }
        if let Some(http) = &pool.http {
            self.http_settings(http);
        }
    }

    pub(super) fn outlier_detection(&mut self, outlier: Option<&OutlierDetection>) {
        let Some(outlier) = outlier else { return };
        self.time(&outlier.interval);
        self.time(&outlier.base_ejection_time);
        if let Some(errors) = outlier
            .consecutive_errors
            .filter(|errors| errors.value != 0)
        {
            let here = "it is read as `consecutive5xxErrors`";
            let mend = format!("write `consecutive5xxErrors: {}`", errors.value);
            let what = "`consecutiveErrors` is deprecated: since 1.7 Istio ignores its value, and ejects after 5 failures";
            self.warn(errors.at, what, here, mend);
        }
        let is_split = outlier
            .split_external_local_origin_errors
            .is_some_and(|s| s.value);
        if let Some(local) = outlier.consecutive_local_origin_failures
            && local.value > 0
            && !is_split
        {
            let what = "local failures are counted with all others";
            self.refuse(
                local.at,
                what,
                "write `splitExternalLocalOriginErrors: true`, or remove it",
            );
        }
        for percent in [outlier.max_ejection_percent, outlier.min_health_percent]
            .into_iter()
            .flatten()
        {
            if !(0..=100).contains(&percent.value) {
                self.refuse(
                    percent.at,
                    "a percentage is from 0 to 100",
                    "write 0 to 100",
                );
            }
        }
    }

    pub(super) fn load_balancer(&mut self, balancer: Option<&LoadBalancer>, ejects: bool) {
        let Some(balancer) = balancer else { return };
        let simple = balancer.simple.map(|simple| simple.value);
        let warms_up = balancer.warmup.is_some() || balancer.warmup_duration_secs.is_some();
        let can_warm_up = matches!(
            simple,
            None | Some(
                SimpleBalancer::Unspecified
                    | SimpleBalancer::RoundRobin
                    | SimpleBalancer::LeastRequest
            )
        );
        if warms_up && (!can_warm_up || balancer.consistent_hash.is_some()) {
            let what = "only ROUND_ROBIN and LEAST_REQUEST warm up";
            self.refuse(
                balancer.at,
                what,
                "write one of them, or remove the warm-up",
            );
        }
        if balancer.simple.is_some() && balancer.consistent_hash.is_some() {
            let what = "a load balancer has one of `simple` and `consistentHash`";
            self.refuse(balancer.at, what, "keep one of them");
        }
        if simple == Some(SimpleBalancer::LeastConn) {
            let mend = "write `simple: LEAST_REQUEST`";
            self.warn(
                balancer.at,
                "LEAST_CONN is deprecated",
                "it is read as LEAST_REQUEST",
                mend,
            );
        }
        self.warm_up(balancer);
        if let Some(hash) = &balancer.consistent_hash {
            self.consistent_hash(hash);
        }
        self.locality(balancer.locality_lb_setting.as_ref(), ejects);
        self.zone_aware(balancer.zone_aware_lb_setting.as_ref(), ejects);
        if let (Some(_), Some(zone)) = (
            &balancer.locality_lb_setting,
            &balancer.zone_aware_lb_setting,
        ) {
            let what = "a load balancer has one of `localityLbSetting` and `zoneAwareLbSetting`";
            self.refuse(zone.at, what, "keep one of them");
        }
    }

    fn warm_up(&mut self, balancer: &LoadBalancer) {
        self.time(&balancer.warmup_duration_secs);
        let Some(warmup) = &balancer.warmup else {
            return;
        };
        match warmup.duration {
            Some(_) => self.time(&warmup.duration),
            None => self.require(
                warmup.at,
                "duration",
                "the warm-up has no end",
                "write `duration`",
            ),
        }
        if let Some(percent) = warmup.minimum_percent
            && !(0.0..=100.0).contains(&percent.value)
        {
            self.refuse(
                percent.at,
                "a percentage is from 0 to 100",
                "write 0 to 100",
            );
        }
        if let Some(aggression) = warmup.aggression
            && aggression.value < 1.0
        {
            self.refuse(
                aggression.at,
                "the aggression is below 1",
                "write 1.0 or more",
            );
        }
    }

    fn consistent_hash(&mut self, hash: &ConsistentHash) {
        if let Some(header) = &hash.http_header_name
            && !is_header_name(&header.value)
        {
            self.refuse(header.at, "this is no header's name", "write its name");
        }
        if let Some(cookie) = &hash.http_cookie {
            if cookie
                .name
                .as_ref()
                .is_none_or(|name| name.value.is_empty())
            {
                self.require(cookie.at, "name", "the cookie has no name", "write `name`");
            }
            for attribute in cookie.attributes.0.iter().flatten() {
                if attribute
                    .name
                    .as_ref()
                    .is_none_or(|name| name.value.is_empty())
                {
                    self.require(
                        attribute.at,
                        "name",
                        "the attribute has no name",
                        "write `name`",
                    );
                }
            }
        }
        let size = hash.maglev.as_ref().and_then(|maglev| maglev.table_size);
        if let Some(size) = size
            && size.value != 0
            && !(size.value <= MAX_TABLE && is_prime(size.value))
        {
            let what = format!("the table's size is no prime up to {MAX_TABLE}");
            self.refuse(size.at, what, "write 65537");
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
            let what = "the client's protocol is kept, and upgraded";
            self.refuse(
                client.at,
                what,
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
            self.refuse(
                number.at,
                "the number is negative",
                "write 0 for no limit, or more",
            );
        }
    }
}

fn is_prime(number: u32) -> bool {
    // The largest table has a root below 2,237.
    number > 1
        && (2..2_237)
            .take_while(|n| n * n <= number)
            .all(|n| !number.is_multiple_of(n))
}
