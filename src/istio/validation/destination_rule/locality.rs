use crate::istio::api::fields::read::{Nullable, Spanned, Texts};
use crate::istio::api::load_balancer::{Failover, Locality, ZoneAware};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;

const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";

impl Validator<'_> {
    pub(in crate::istio::validation) fn locality(
        &mut self,
        locality: Option<&Locality>,
        ejects: bool,
    ) {
        let Some(locality) = locality else { return };
        let Nullable(distribute) = &locality.distribute;
        if !distribute.is_empty() && !locality.failover.0.is_empty() {
            let message = "a locality has one of `distribute` and `failover`";
            self.reject(locality.at, message, "keep one of them");
        }
        let mut from = Vec::new();
        for one in distribute.iter().flatten() {
            from.extend(&one.from);
            let to: Vec<_> = one.to.iter().map(|(key, _)| key).collect();
            let weights = one.to.iter().filter_map(|(_, weight)| weight.as_ref());
            let weights: Vec<_> = weights.map(|weight| u64::from(weight.value)).collect();
            // Summed as `u64`, since `u32` weights may overflow.
            if weights.contains(&0) || weights.iter().sum::<u64>() != 100 {
                let message = "the weights of the localities do not add up to 100, each above 0";
                self.reject(one.at, message, "make them add up to 100");
            }
            self.localities(&to);
        }
        self.localities(&from);
        self.failover(
            &locality.failover,
            &locality.failover_priority,
            ejects,
            locality.at,
        );
    }

    pub(in crate::istio::validation) fn zone_aware(
        &mut self,
        zone: Option<&ZoneAware>,
        ejects: bool,
    ) {
        let Some(zone) = zone else { return };
        for label in &zone.failover_priority {
            let name = label.value.split('=').next().unwrap_or_default();
            if matches!(name, REGION | SUBZONE | ZONE) {
                let message =
                    "regions and zones are what is balanced by, and no label to fail over by";
                self.reject(label.at, message, "remove it");
            }
        }
        self.failover(&zone.failover, &zone.failover_priority, ejects, zone.at);
    }

    fn failover(&mut self, all: &Nullable<Failover>, priority: &Texts, ejects: bool, at: NodeId) {
        let Nullable(all) = all;
        for one in all.iter().flatten() {
            let text = |text: &Option<Spanned<String>>| {
                text.as_ref().map_or(String::new(), |t| t.value.clone())
            };
            let (from, to) = (text(&one.from), text(&one.to));
            if from == to {
                self.reject(one.at, "a region fails over to itself", "write two regions");
            }
            if [&from, &to].iter().any(|text| text.contains(['/', '*'])) {
                self.reject(
                    one.at,
                    "a region cannot contain `/` or `*`",
                    "write the region only",
                );
            }
        }
        let is_topology = |label: &str| matches!(label, REGION | SUBZONE | ZONE);
        let topology = priority.iter().find(|label| is_topology(&label.value));
        if let (Some(label), false) = (topology, all.is_empty()) {
            let message = "`failover` and a label of the topology do not go together";
            self.reject(label.at, message, "keep one of them");
        }
        if !ejects && (!all.is_empty() || !priority.is_empty()) {
            let message = "nothing fails over without `outlierDetection`";
            self.warn(at, message, "it has no effect", "write `outlierDetection`");
        }
    }

    /// Checks localities: `region/zone/subzone`, with a trailing `*`, and none part of another.
    fn localities(&mut self, localities: &[&Spanned<String>]) {
        for locality in localities {
            let text = locality.value.as_str();
            let stars = text.matches('*').count();
            let has_gap = text.split('/').any(str::is_empty) || text.split('/').count() > 3;
            if has_gap || stars > 1 || stars == 1 && !text.ends_with('*') {
                let message = format!("`{}` is no locality", shorten(text));
                self.reject(
                    locality.at,
                    message,
                    "write `region/zone/subzone` or `region/*`",
                );
            }
        }
        // The comparison is quadratic: limited for generated documents.
        for (index, one) in localities.iter().enumerate().take(500) {
            if localities[..index]
                .iter()
                .any(|two| is_part(&one.value, &two.value))
            {
                let message = format!("`{}` overlaps another locality", shorten(&one.value));
                self.reject(one.at, message, "keep one of them");
            }
        }
    }
}

fn is_part(one: &str, two: &str) -> bool {
    let (mut one, mut two) = (one.split('/'), two.split('/'));
    loop {
        match (one.next(), two.next()) {
            // A wildcard covers everything below its level.
            (Some(a), Some(b)) if a == "*" || b == "*" => return true,
            (Some(a), Some(b)) if a != b => return false,
            (Some(_), Some(_)) => {}
            _ => return true,
        }
    }
}
