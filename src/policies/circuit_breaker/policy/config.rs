use std::time::Duration;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{CircuitBreakerPolicy, Window};
use crate::foundation::config::{
    Factor, Invalid, OwnRecord, Path, Recorded, Setting, content, one_of, policy, read_variant,
    record,
};
use crate::foundation::sync::Percent;
use crate::policies::circuit_breaker::{FailureOn, Probes};

policy!(CircuitBreakerPolicy);

record! {
    CircuitBreakerFields {
        consecutive_failures: u32,
        failure_rate: Percent,
        slow_calls: SlowCalls,
        window: Window,
        minimum_calls: u32,
        failure_on: FailureOn,
        open_for: Duration,
        max_open_for: Duration,
        growth: Factor,
        jitter: Percent,
        probes: Probes,
        ramp: Duration,
        dry_run: bool,
    }
}

record! {
    #[derive(Clone)]
    SlowCalls {
        rate: Percent,
        slower_than: Duration,
    }
}

impl OwnRecord for SlowCalls {
    const NAME: &'static str = "slow-call rate";

    fn initial() -> Self {
        Self {
            rate: Percent::NONE,
            slower_than: Duration::ZERO,
        }
    }
}

impl Recorded for CircuitBreakerPolicy {
    const NAME: &'static str = "circuit breaker";
    type Fields = CircuitBreakerFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let CircuitBreakerFields {
            consecutive_failures,
            failure_rate,
            slow_calls,
            window,
            minimum_calls,
            failure_on,
            open_for,
            max_open_for,
            growth,
            jitter,
            probes,
            ramp,
            dry_run,
        } = fields;
        Ok(Self::default()
            .with_consecutive_failures(consecutive_failures)
            .with_failure_rate(failure_rate)
            .with_slow_calls(slow_calls.rate, slow_calls.slower_than)
            .with_window(window)
            .with_minimum_calls(minimum_calls)
            .with_failure_on(failure_on)
            .with_open_for(open_for)
            .with_max_open_for(max_open_for)
            .with_growth(growth.0)
            .with_jitter(jitter)
            .with_probes(probes)
            .with_ramp(ramp)
            .with_dry_run(dry_run))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            consecutive_failures,
            dry_run,
            failure_on,
            failure_rate,
            growth,
            jitter,
            max_open_for,
            minimum_calls,
            open_for,
            probes,
            ramp,
            error_classifier,
            slow_after,
            slow_rate,
            window,
        } = self.clone();
        Invalid::function("error_classifier", error_classifier.is_custom())?;
        Ok(CircuitBreakerFields {
            consecutive_failures,
            failure_rate,
            slow_calls: SlowCalls {
                rate: slow_rate,
                slower_than: slow_after,
            },
            window,
            minimum_calls,
            failure_on,
            open_for,
            max_open_for,
            growth: Factor(f64::from(growth) / 1_000.0),
            jitter,
            probes,
            ramp,
            dry_run,
        })
    }
}

one_of! {
    Window, "a window" {
        "count"(u32) => |calls: u32| match calls {
            1..=MOST => Ok(Self::Count(calls)),
            _ => Err(format!("must be from 1 to {MOST}")),
        };
        "time"(Duration) => |time| Ok(Self::Time(time));
    }
}

/// Calls in a window at the most.
const MOST: u32 = 1_000_000;

impl Setting for Window {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            // As it is counted, whatever was set.
            Self::Count(calls) => content("count", &(*calls).clamp(1, MOST), path, to),
            Self::Time(time) => content("time", time, path, to),
        }
    }
}
