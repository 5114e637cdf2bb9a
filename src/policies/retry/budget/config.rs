use std::time::Duration;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{Kind, RetryBudget};
use crate::foundation::config::{
    Invalid, OwnRecord, Path, Required, Setting, content, one_of, policy, read_variant, record,
};
use crate::foundation::sync::Percent;

policy!(RetryBudget);

one_of! {
    RetryBudget, "a retry budget" {
        name "unlimited" => Self::unlimited();
        "concurrent"(Concurrent) => |limit: Concurrent| {
            Ok(Self::concurrent(limit.percent, limit.min).with_interval(limit.interval))
        };
        "share"(Share) => |share: Share| {
            Ok(Self::share(share.percent).with_reserve(share.reserve))
        };
        "throttle"(Throttle) => |throttle: Throttle| {
            let Throttle { tokens, per_success } = throttle;
            Ok(Self::throttle(tokens.get("tokens").unwrap_or(0), per_success.or(Percent::NONE)))
        };
    }
}

impl Setting for RetryBudget {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let Self { kind, shared } = self;
        if shared.is_some() {
            let reason = "a budget that is shared cannot be written; share it in code";
            return Err(path.write_error(reason));
        }
        match kind {
            Kind::Concurrent {
                interval,
                min,
                percent,
            } => {
                let limit = Concurrent {
                    percent: *percent,
                    min: *min,
                    interval: *interval,
                };
                content("concurrent", &limit, path, to)
            }
            Kind::Share(terms) => {
                let (percent, reserve) = (terms.percent(), terms.reserve());
                content("share", &Share { percent, reserve }, path, to)
            }
            Kind::Throttle(throttle) => {
                let throttle = Throttle {
                    tokens: Required::new(throttle.tokens()),
                    per_success: Required::new(throttle.per_success()),
                };
                content("throttle", &throttle, path, to)
            }
            Kind::Unlimited => to.serialize_str("unlimited"),
        }
    }
}

record! {
    #[derive(Clone)]
    Share {
        percent: Percent,
        reserve: u16,
    }
}

impl OwnRecord for Share {
    const NAME: &'static str = "share of retries";

    fn initial() -> Self {
        Self {
            percent: Percent::new(20),
            reserve: 10,
        }
    }
}

record! {
    #[derive(Clone)]
    Concurrent {
        percent: Percent,
        min: u32,
        interval: Duration,
    }
}

impl OwnRecord for Concurrent {
    const NAME: &'static str = "limit of concurrent retries";

    /// Istio's and Envoy's own.
    fn initial() -> Self {
        Self {
            percent: Percent::new(20),
            min: 3,
            interval: Duration::ZERO,
        }
    }
}

record! {
    #[derive(Clone)]
    Throttle {
        tokens: Required<u32>,
        per_success: Required<Percent>,
    }
}

impl OwnRecord for Throttle {
    const NAME: &'static str = "retry throttling";

    fn initial() -> Self {
        Self {
            tokens: Required::MISSING,
            per_success: Required::MISSING,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        self.tokens.clone().get("tokens")?;
        self.per_success.clone().get("per_success")?;
        Ok(())
    }
}
