use super::{Consecutive, FailurePercentage, SuccessRate};
use crate::foundation::config::{Briefly, Invalid, Recorded, Required, record};
use crate::foundation::sync::Percent;

record! {
    ConsecutiveFields {
        failures: Required<u32>,
        enforcing: Required<Percent>,
    }
}

impl Recorded for Consecutive {
    const NAME: &'static str = "limit of consecutive failures";
    type Fields = ConsecutiveFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(ConsecutiveFields {
            failures: Required::MISSING,
            enforcing: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ConsecutiveFields {
            failures,
            enforcing,
        } = fields;
        let consecutive = Self::of(failures.get("failures")?);
        Ok(Self {
            enforced: enforcing.or(consecutive.enforced),
            ..consecutive
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { enforced, failures } = *self;
        Ok(ConsecutiveFields {
            failures: Required::new(failures),
            enforcing: Required::new(enforced),
        })
    }
}

impl Briefly for Consecutive {
    type Short = u32;

    fn from_short(failures: u32) -> Result<Self, String> {
        Ok(Self::of(failures))
    }

    fn to_short(&self) -> Option<u32> {
        (*self == Self::of(self.failures)).then_some(self.failures)
    }
}

record! {
    SuccessRateFields {
        stdev_factor: f64,
        min_hosts: u32,
        request_volume: u64,
        enforcing: Percent,
    }
}

impl Recorded for SuccessRate {
    const NAME: &'static str = "success rate";
    type Fields = SuccessRateFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::new().to_fields()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the bounds that are checked"
    )]
    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let SuccessRateFields {
            stdev_factor,
            min_hosts,
            request_volume,
            enforcing,
        } = fields;
        let thousandths = (stdev_factor * 1_000.0).round();
        if !(0.0..=f64::from(u32::MAX)).contains(&thousandths) {
            return Err(Invalid::new("stdev_factor", "must be from 0 to 4294967"));
        }
        Ok(Self::new()
            .with_stdev_factor(thousandths as u32)
            .with_min_hosts(min_hosts)
            .with_request_volume(request_volume)
            .with_enforcing(enforcing))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            enforced,
            min_hosts,
            request_volume,
            stdev_factor_thousandths,
        } = *self;
        Ok(SuccessRateFields {
            stdev_factor: f64::from(stdev_factor_thousandths) / 1_000.0,
            min_hosts,
            request_volume,
            enforcing: enforced,
        })
    }
}

record! {
    FailurePercentageFields {
        threshold: Percent,
        min_hosts: u32,
        request_volume: u64,
        enforcing: Percent,
    }
}

impl Recorded for FailurePercentage {
    const NAME: &'static str = "failure percentage";
    type Fields = FailurePercentageFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::new(Percent::new(85)).to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let FailurePercentageFields {
            threshold,
            min_hosts,
            request_volume,
            enforcing,
        } = fields;
        Ok(Self::new(threshold)
            .with_min_hosts(min_hosts)
            .with_request_volume(request_volume)
            .with_enforcing(enforcing))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            enforced,
            min_hosts,
            request_volume,
            threshold,
        } = *self;
        Ok(FailurePercentageFields {
            threshold,
            min_hosts,
            request_volume,
            enforcing: enforced,
        })
    }
}
