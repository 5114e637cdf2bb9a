use crate::istio::api::load_balancer::{ConsistentHash, LoadBalancer, SimpleBalancer};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;

/// Exclusive upper bound of Maglev's table size.
const MAX_TABLE: u32 = 5_000_011;

impl Validator<'_> {
    pub(in crate::istio::validation) fn load_balancer(
        &mut self,
        balancer: Option<&LoadBalancer>,
        ejects: bool,
    ) {
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
            let message = "only ROUND_ROBIN and LEAST_REQUEST warm up";
            self.reject(
                balancer.at,
                message,
                "write one of them, or remove the warm-up",
            );
        }
        let ways = [
            balancer.simple.is_some(),
            balancer.consistent_hash.is_some(),
            balancer.backend_utilization.is_some(),
        ];
        if ways.iter().filter(|way| **way).count() > 1 {
            let message =
                "a load balancer has one of `simple`, `consistentHash` and `backendUtilization`";
            self.reject(balancer.at, message, "keep one of them");
        }
        if simple == Some(SimpleBalancer::LeastConn) {
            let help = "write `simple: LEAST_REQUEST`";
            self.warn(
                balancer.at,
                "LEAST_CONN is deprecated",
                "it is read as LEAST_REQUEST",
                help,
            );
        }
        if let Some(hash) = &balancer.consistent_hash {
            self.consistent_hash(hash);
        }
        self.locality(balancer.locality_lb_setting.as_ref(), ejects);
        self.zone_aware(balancer.zone_aware_lb_setting.as_ref(), ejects);
        if let (Some(_), Some(zone)) = (
            &balancer.locality_lb_setting,
            &balancer.zone_aware_lb_setting,
        ) {
            let message = "a load balancer has one of `localityLbSetting` and `zoneAwareLbSetting`";
            self.reject(zone.at, message, "keep one of them");
        }
    }

    fn consistent_hash(&mut self, hash: &ConsistentHash) {
        let keys = [
            hash.http_header_name.is_some(),
            hash.http_cookie.is_some(),
            hash.use_source_ip.is_some(),
            hash.http_query_parameter_name.is_some(),
        ];
        if keys.iter().filter(|key| **key).count() > 1 {
            let message = "a hash has one of `httpHeaderName`, `httpCookie`, `useSourceIp` and \
                        `httpQueryParameterName`";
            self.reject(hash.at, message, "keep one of them");
        }
        if hash.ring_hash.is_some() && hash.maglev.is_some() {
            let message = "a hash has one of `ringHash` and `maglev`";
            self.reject(hash.at, message, "keep one of them");
        }
        if let Some(size) = hash.minimum_ring_size.filter(|size| size.value != 0) {
            if hash.ring_hash.is_some() || hash.maglev.is_some() {
                let message =
                    "`minimumRingSize` goes together with neither `ringHash` nor `maglev`";
                self.reject(size.at, message, "move it into `ringHash`");
            } else {
                let help = "write `ringHash: {minimumRingSize: …}`";
                let effect = "it is read as that of `ringHash`";
                self.warn(size.at, "`minimumRingSize` is deprecated", effect, help);
            }
        }
        if let Some(cookie) = &hash.http_cookie {
            let mut names = Vec::new();
            for attribute in cookie.attributes.0.iter().flatten().take(1_000) {
                let name = attribute.name.as_ref().map_or("", |name| &name.value);
                let name = name.to_ascii_lowercase();
                if names.contains(&name) {
                    let message = format!("the attribute `{}` is there twice", shorten(&name));
                    self.reject(attribute.at, message, "keep it once");
                }
                names.push(name);
            }
        }
        let Some(maglev) = &hash.maglev else { return };
        match maglev.table_size {
            Some(size) if size.value < MAX_TABLE && is_prime(size.value) => {}
            Some(size) => {
                let message = format!("the table's size is no prime below {MAX_TABLE}");
                self.reject(size.at, message, "write 65537");
            }
            None => {
                let message = "the table has no size";
                self.require(maglev.at, "tableSize", message, "write `tableSize: 65537`");
            }
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
