use std::time::Duration;

use super::ConcurrencyLimitPolicy;
use crate::foundation::config::{Invalid, Recorded, policy, record};

policy!(ConcurrencyLimitPolicy);

record! {
    ConcurrencyLimitFields {
        max_in_flight: u32,
        max_pending: u32,
        max_wait: Duration,
    }
}

impl Recorded for ConcurrencyLimitPolicy {
    const NAME: &'static str = "concurrency limit";
    type Fields = ConcurrencyLimitFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ConcurrencyLimitFields {
            max_in_flight,
            max_pending,
            max_wait,
        } = fields;
        Ok(Self::new(max_in_flight)
            .with_max_pending(max_pending)
            .with_max_wait(max_wait))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            in_flight,
            pending,
            wait,
        } = *self;
        Ok(ConcurrencyLimitFields {
            max_in_flight: in_flight,
            max_pending: pending,
            max_wait: wait,
        })
    }
}
