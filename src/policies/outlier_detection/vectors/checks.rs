//! Expectations of the test scripts.
#![expect(clippy::cast_precision_loss, reason = "the scripts' numbers are small")]

use serde_json::Value;

use super::Player;
use crate::foundation::outcome::EjectionReason;
use crate::policies::outlier_detection::machine::Change;
use crate::policies::outlier_detection::machine::host::FailureOrigin;

impl Player {
    pub(super) fn note(&mut self, change: Change) {
        let key = match change {
            Change::Detected {
                host,
                reason,
                enforced,
            } => (
                "eject".into(),
                self.index(host),
                name(reason).into(),
                enforced,
            ),
            Change::Unejected { host } => ("uneject".into(), self.index(host), String::new(), true),
            Change::Overflow { .. } => return,
        };
        *self.seen.entry(key).or_default() += 1;
    }

    pub(super) fn expect_event(&mut self, expect: &Value) {
        let kind = expect["type"].as_str().unwrap_or_default().to_owned();
        let key = (
            expect["event"].as_str().unwrap().to_owned(),
            self.position(&expect["host"]),
            kind,
            expect["enforced"].as_bool().unwrap_or(true),
        );
        *self.expected.entry(key).or_default() += expect["times"].as_u64().unwrap_or(1);
    }

    pub(super) fn check_events(&self, name: &str) {
        for (key, times) in &self.expected {
            let seen = self.seen.get(key).copied().unwrap_or(0);
            assert_eq!(seen, *times, "{name}: {key:?} in {:?}", self.seen);
        }
    }

    pub(super) fn expect_rate(&self, expect: &Value) {
        let rates = self.machine.rates(origin(expect));
        let value = rates.map_or(-1.0, |rates| match expect["kind"].as_str() {
            Some("average") => rates.average,
            _ => rates.threshold,
        });
        assert!(
            (value - expect["value"].as_f64().unwrap()).abs() < 1e-9,
            "{expect} {value}"
        );
    }

    pub(super) fn expect_host_rate(&self, expect: &Value) {
        let host = self.hosts[self.position(&expect["host"]) as usize];
        let tally = self.machine.host(host).unwrap().last(origin(expect));
        let value = if tally.total == 0 {
            -1.0
        } else {
            tally.good as f64 * 100.0 / tally.total as f64
        };
        assert!(
            (value - expect["value"].as_f64().unwrap()).abs() < 1e-9,
            "{expect} {value}"
        );
    }
}

fn origin(expect: &Value) -> FailureOrigin {
    if expect["origin"] == "LocalOrigin" {
        FailureOrigin::Local
    } else {
        FailureOrigin::External
    }
}

fn name(reason: EjectionReason) -> &'static str {
    match reason {
        EjectionReason::Consecutive5xx => "CONSECUTIVE_5XX",
        EjectionReason::ConsecutiveGatewayErrors => "CONSECUTIVE_GATEWAY_FAILURE",
        EjectionReason::ConsecutiveLocalOriginFailures => "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
        EjectionReason::FailurePercentage => "FAILURE_PERCENTAGE",
        EjectionReason::FailurePercentageLocalOrigin => "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
        EjectionReason::SuccessRate => "SUCCESS_RATE",
        EjectionReason::SuccessRateLocalOrigin => "SUCCESS_RATE_LOCAL_ORIGIN",
    }
}
