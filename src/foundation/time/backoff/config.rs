use std::time::Duration;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{Backoff, Growth, Jitter, MILLION};
use crate::foundation::config::{
    Factor, Invalid, Limited, Path, Recorded, Required, Setting, content, one_of, policy,
    read_variant, record,
};
use crate::foundation::sync::Percent;

policy!(Backoff);

one_of! {
    Backoff, "a backoff" {
        "constant"(Constant) => |kind: Constant| Ok(kind.0);
        "exponential"(Exponential) => |kind: Exponential| Ok(kind.0);
        "linear"(Linear) => |kind: Linear| Ok(kind.0);
    }
}

impl Setting for Backoff {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self.growth {
            Growth::Constant => content("constant", &Constant(*self), path, to),
            Growth::Exponential(_) => content("exponential", &Exponential(*self), path, to),
            Growth::Linear => content("linear", &Linear(*self), path, to),
        }
    }
}

/// Backoff with equal intervals.
struct Constant(Backoff);

/// Backoff with intervals that grow by a factor.
struct Exponential(Backoff);

/// Backoff with intervals that grow by a step.
struct Linear(Backoff);

record! {
    ConstantFields {
        delay: Required<Duration>,
        cap: Limited,
        jitter: Jitter,
    }
}

record! {
    ExponentialFields {
        base: Duration,
        factor: Factor,
        cap: Required<Limited>,
        jitter: Jitter,
    }
}

record! {
    LinearFields {
        step: Required<Duration>,
        cap: Limited,
        jitter: Jitter,
    }
}

impl Recorded for Constant {
    const NAME: &'static str = "constant backoff";
    type Fields = ConstantFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(ConstantFields {
            delay: Required::MISSING,
            cap: Limited(Duration::MAX),
            jitter: Jitter::None,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ConstantFields { delay, cap, jitter } = fields;
        let backoff = Backoff::constant(delay.get("delay")?);
        Ok(Self(backoff.with_cap(cap.0).with_jitter(jitter)))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Backoff {
            base,
            cap,
            growth: _,
            jitter,
        } = self.0;
        Ok(ConstantFields {
            delay: Required::new(base),
            cap: Limited(cap),
            jitter,
        })
    }
}

impl Recorded for Exponential {
    const NAME: &'static str = "exponential backoff";
    type Fields = ExponentialFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        let mut fields = Self(Backoff::DEFAULT).to_fields()?;
        // Ten times the base, which is not known yet.
        fields.cap = Required::MISSING;
        Ok(fields)
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ExponentialFields {
            base,
            factor,
            cap,
            jitter,
        } = fields;
        let backoff = Backoff::exponential(base)
            .with_factor(factor.0)
            .with_jitter(jitter);
        let cap = cap.or(Limited(backoff.cap)).0;
        Ok(Self(backoff.with_cap(cap)))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a factor beyond 2^53 millionths is rounded"
    )]
    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Backoff {
            base,
            cap,
            growth,
            jitter,
        } = self.0;
        let millionths = match growth {
            Growth::Exponential(factor) => factor,
            Growth::Constant | Growth::Linear => MILLION,
        };
        Ok(ExponentialFields {
            base,
            factor: Factor(millionths as f64 / MILLION as f64),
            cap: Required::new(Limited(cap)),
            jitter,
        })
    }
}

impl Recorded for Linear {
    const NAME: &'static str = "linear backoff";
    type Fields = LinearFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(LinearFields {
            step: Required::MISSING,
            cap: Limited(Duration::MAX),
            jitter: Jitter::None,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let LinearFields { step, cap, jitter } = fields;
        let backoff = Backoff::linear(step.get("step")?);
        Ok(Self(backoff.with_cap(cap.0).with_jitter(jitter)))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Backoff {
            base,
            cap,
            growth: _,
            jitter,
        } = self.0;
        Ok(LinearFields {
            step: Required::new(base),
            cap: Limited(cap),
            jitter,
        })
    }
}

one_of! {
    Jitter, "a jitter" {
        name "decorrelated" => Self::Decorrelated;
        name "equal" => Self::Equal;
        name "full" => Self::Full;
        name "none" => Self::None;
        "above"(Percent) => |share| Ok(Self::Above(share));
        "spread"(Percent) => |share| Ok(Self::Spread(share));
    }
}

impl Setting for Jitter {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Above(share) => content("above", share, path, to),
            Self::Decorrelated => to.serialize_str("decorrelated"),
            Self::Equal => to.serialize_str("equal"),
            Self::Full => to.serialize_str("full"),
            Self::None => to.serialize_str("none"),
            Self::Spread(share) => content("spread", share, path, to),
        }
    }
}
