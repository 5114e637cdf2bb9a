use std::time::Duration;

use super::{MOST, Probes};
use crate::foundation::config::{Invalid, Recorded, Required, record};

record! {
    ProbesFields {
        successes: u32,
        failures: u32,
        at_once: Required<u32>,
        lease: Duration,
        batch_evaluation: bool,
    }
}

impl Recorded for Probes {
    const NAME: &'static str = "set of probes";
    type Fields = ProbesFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        let mut fields = Self::default().to_fields()?;
        // As many as there are successes, which is not known yet.
        fields.at_once = Required::MISSING;
        Ok(fields)
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ProbesFields {
            successes,
            failures,
            at_once,
            lease,
            batch_evaluation,
        } = fields;
        let at_once = at_once.or(successes);
        for (field, probes) in [
            ("successes", successes),
            ("failures", failures),
            ("at_once", at_once),
        ] {
            if !(1..=MOST).contains(&probes) {
                return Err(Invalid::new(field, format!("must be from 1 to {MOST}")));
            }
        }
        let probes = if batch_evaluation {
            Self::with_batch_evaluation(successes)
        } else {
            Self::new(successes)
        };
        Ok(probes
            .with_failures(failures)
            .with_at_once(at_once)
            .with_lease(lease))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            at_once,
            failures,
            lease,
            successes,
            batch,
        } = *self;
        Ok(ProbesFields {
            successes,
            failures,
            at_once: Required::new(at_once),
            lease,
            batch_evaluation: batch,
        })
    }
}
