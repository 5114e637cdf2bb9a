use std::time::Duration;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::Limit;
use crate::foundation::config::{
    Invalid, Path, Recorded, Required, Setting, content, one_of, read_variant, record,
};

one_of! {
    Limit, "a limit" {
        name "off" => Self::Off;
        "at_most"(AtMost) => |limit: AtMost| Ok(limit.0);
        "per_minute"(u64) => |n| Ok(Self::AtMost { n, period: Duration::from_secs(60) });
        "per_second"(u64) => |n| Ok(Self::AtMost { n, period: Duration::from_secs(1) });
        "token_bucket"(TokenBucket) => |limit: TokenBucket| Ok(limit.0);
    }
}

impl Setting for Limit {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AtMost { n, period } if *period == Duration::from_secs(1) => {
                content("per_second", n, path, to)
            }
            Self::AtMost { n, period } if *period == Duration::from_secs(60) => {
                content("per_minute", n, path, to)
            }
            Self::AtMost { .. } => content("at_most", &AtMost(*self), path, to),
            Self::Off => to.serialize_str("off"),
            Self::TokenBucket { .. } => content("token_bucket", &TokenBucket(*self), path, to),
        }
    }
}

/// A limit in any period.
struct AtMost(Limit);

record! {
    AtMostFields {
        n: Required<u64>,
        period: Required<Duration>,
    }
}

impl Recorded for AtMost {
    const NAME: &'static str = "limit in any period";
    type Fields = AtMostFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(AtMostFields {
            n: Required::MISSING,
            period: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let AtMostFields { n, period } = fields;
        let (n, period) = (n.get("n")?, period.get("period")?);
        Ok(Self(Limit::AtMost { n, period }))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Limit::AtMost { n, period } = self.0 else {
            return Self::initial();
        };
        Ok(AtMostFields {
            n: Required::new(n),
            period: Required::new(period),
        })
    }
}

/// A bucket of tokens.
struct TokenBucket(Limit);

record! {
    TokenBucketFields {
        max_tokens: Required<u64>,
        tokens_per_fill: Required<u64>,
        fill_interval: Required<Duration>,
        discrete_refill: bool,
    }
}

impl Recorded for TokenBucket {
    const NAME: &'static str = "token bucket";
    type Fields = TokenBucketFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(TokenBucketFields {
            max_tokens: Required::MISSING,
            tokens_per_fill: Required::MISSING,
            fill_interval: Required::MISSING,
            discrete_refill: false,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let TokenBucketFields {
            max_tokens,
            tokens_per_fill,
            fill_interval,
            discrete_refill,
        } = fields;
        Ok(Self(Limit::TokenBucket {
            discrete: discrete_refill,
            fill_interval: fill_interval.get("fill_interval")?,
            max_tokens: max_tokens.get("max_tokens")?,
            // Envoy's default.
            tokens_per_fill: tokens_per_fill.or(1),
        }))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Limit::TokenBucket {
            discrete,
            fill_interval,
            max_tokens,
            tokens_per_fill,
        } = self.0
        else {
            return Self::initial();
        };
        Ok(TokenBucketFields {
            max_tokens: Required::new(max_tokens),
            tokens_per_fill: Required::new(tokens_per_fill),
            fill_interval: Required::new(fill_interval),
            discrete_refill: discrete,
        })
    }
}
