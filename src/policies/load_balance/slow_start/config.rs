use std::time::Duration;

use super::SlowStart;
use crate::foundation::config::{Invalid, Recorded, record};
use crate::foundation::sync::Percent;

record! {
    SlowStartFields {
        window: Duration,
        aggression: f64,
        min_weight: Percent,
    }
}

impl Recorded for SlowStart {
    const NAME: &'static str = "slow start";
    type Fields = SlowStartFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::DEFAULT.to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let SlowStartFields {
            window,
            aggression,
            min_weight,
        } = fields;
        if aggression <= 0.0 {
            return Err(Invalid::new("aggression", "must be above 0"));
        }
        Ok(Self::over(window)
            .with_aggression(aggression)
            .with_min_weight(min_weight))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            aggression,
            min_weight,
            window,
        } = *self;
        Ok(SlowStartFields {
            window,
            aggression,
            min_weight,
        })
    }
}
