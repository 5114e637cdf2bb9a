//! Outlier detection by success rate and failure percentage over one interval.

use std::collections::BTreeMap;

use super::HostId;
use super::host::{FailureOrigin, HostMonitor};
use crate::foundation::outcome::EjectionReason;
use crate::foundation::sync::Percent;
use crate::policies::outlier_detection::OutlierDetectionPolicy;

/// Summary of the success rates of one interval, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::policies::outlier_detection) struct Rates {
    /// Mean over the endpoints with enough requests.
    pub(in crate::policies::outlier_detection) average: f64,
    /// Rate below which an endpoint is an outlier.
    pub(in crate::policies::outlier_detection) threshold: f64,
}

/// Finds the outliers of the last interval, by success rate and then by failure percentage.
pub(in crate::policies::outlier_detection) fn outliers(
    hosts: &BTreeMap<HostId, HostMonitor>,
    origin: FailureOrigin,
    policy: &OutlierDetectionPolicy,
) -> (Option<Rates>, Vec<(HostId, EjectionReason, Percent)>) {
    let mut found = Vec::new();
    let (by_rate, by_failures) = match origin {
        FailureOrigin::External => (
            EjectionReason::SuccessRate,
            EjectionReason::FailurePercentage,
        ),
        FailureOrigin::Local => (
            EjectionReason::SuccessRateLocalOrigin,
            EjectionReason::FailurePercentageLocalOrigin,
        ),
    };

    let rule = policy.success_rate();
    let rates = rates(hosts, origin, rule.request_volume);
    let compared =
        enough(&rates, rule.min_hosts).then(|| Rates::of(&rates, rule.stdev_factor_thousandths));
    if let Some(compared) = compared {
        // As in Envoy, a rate at the threshold is no outlier here, but is one for failures.
        let low = rates.iter().filter(|(_, rate)| *rate < compared.threshold);
        found.extend(low.map(|(host, _)| (*host, by_rate, rule.enforced)));
    }

    let rule = policy.failure_percentage();
    let rates = self::rates(hosts, origin, rule.request_volume);
    if enough(&rates, rule.min_hosts) {
        let threshold = f64::from(rule.threshold.millionths()) / 10_000.0;
        let high = rates.iter().filter(|(_, rate)| 100.0 - rate >= threshold);
        found.extend(high.map(|(host, _)| (*host, by_failures, rule.enforced)));
    }
    (compared, found)
}

impl Rates {
    /// Computes the threshold: the mean less `thousandths` of the (population) standard deviation.
    fn of(rates: &[(HostId, f64)], thousandths: u32) -> Self {
        let count = ratio(rates.len() as u64, 1);
        let average = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
        let squares = rates.iter().map(|(_, rate)| (rate - average).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let threshold = average - deviation * f64::from(thousandths) / 1_000.0;
        Self { average, threshold }
    }
}

/// Returns the success rates in percent of endpoints that are not ejected and had enough requests.
fn rates(
    hosts: &BTreeMap<HostId, HostMonitor>,
    origin: FailureOrigin,
    volume: u64,
) -> Vec<(HostId, f64)> {
    hosts
        .iter()
        .filter(|(_, host)| !host.is_ejected())
        .map(|(id, host)| (*id, host.last(origin)))
        // Without a request there is no rate, even if the required volume is 0.
        .filter(|(_, tally)| tally.total > 0 && tally.total >= volume)
        .map(|(id, tally)| (id, 100.0 * ratio(tally.good, tally.total)))
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one interval are far below 2^53"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn enough(rates: &[(HostId, f64)], min_hosts: u32) -> bool {
    !rates.is_empty() && rates.len() >= min_hosts as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_that_of_the_reference() {
        let rates: Vec<_> = [50.0, 100.0, 100.0, 100.0, 100.0]
            .map(|rate| (0, rate))
            .into();
        let compared = Rates::of(&rates, 1_900);
        assert!((compared.threshold - 52.0).abs() < 1e-9, "{compared:?}");
    }
}
