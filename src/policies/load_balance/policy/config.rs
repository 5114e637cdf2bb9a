use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{LoadBalancePolicy, Method};
use crate::foundation::config::{
    Invalid, Leaf, OwnRecord, Path, Recorded, Refusal, Required, Scalar, Setting, content, leaf,
    one_of, policy, read_variant, record,
};
use crate::foundation::http::HashPolicy;
use crate::foundation::sync::Percent;
use crate::policies::load_balance::SlowStart;

policy!(LoadBalancePolicy);

record! {
    LoadBalanceFields {
        enabled: bool,
        algorithm: Method,
        min_health_percent: Percent,
        retries_elsewhere: Elsewhere,
        slow_start: SlowStart,
    }
}

impl Recorded for LoadBalancePolicy {
    const NAME: &'static str = "load balancing";
    type Fields = LoadBalanceFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let LoadBalanceFields {
            enabled,
            algorithm,
            min_health_percent,
            retries_elsewhere,
            slow_start,
        } = fields;
        Ok(Self {
            elsewhere: retries_elsewhere.0,
            method: algorithm,
            min_health: min_health_percent,
            on: enabled,
            slow_start,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            elsewhere,
            method,
            min_health,
            on,
            slow_start,
        } = self.clone();
        Ok(LoadBalanceFields {
            enabled: on,
            algorithm: method,
            min_health_percent: min_health,
            retries_elsewhere: Elsewhere(elsewhere),
            slow_start,
        })
    }
}

/// Preference of a retry, or that of its algorithm.
struct Elsewhere(Option<bool>);

const DEFAULT: &str = "default";

leaf!(Elsewhere);

impl Leaf for Elsewhere {
    const EXPECTED: &'static str = "a truth value: write `true` or `false`, or `default`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Bool(elsewhere) => Ok(Self(Some(elsewhere))),
            Scalar::Absent | Scalar::Text(DEFAULT) => Ok(Self(None)),
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(elsewhere) => to.serialize_bool(elsewhere),
            None => to.serialize_str(DEFAULT),
        }
    }
}

one_of! {
    Method, "an algorithm" {
        name "least_request" => Self::LeastRequest { choices: 2 };
        name "random" => Self::Random;
        name "round_robin" => Self::RoundRobin;
        "consistent_hash"(ConsistentHash) => |hash: ConsistentHash| {
            let ConsistentHash { key, min_ring_size } = hash;
            Ok(Self::ConsistentHash { key, min_ring_size })
        };
        "least_request"(LeastRequest) => |least: LeastRequest| {
            Ok(Self::LeastRequest { choices: least.choices })
        };
    }
}

impl Setting for Method {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ConsistentHash { key, min_ring_size } => {
                let hash = ConsistentHash {
                    key: key.clone(),
                    min_ring_size: *min_ring_size,
                };
                content("consistent_hash", &hash, path, to)
            }
            Self::LeastRequest { choices } => {
                let least = LeastRequest { choices: *choices };
                content("least_request", &least, path, to)
            }
            Self::Random => to.serialize_str("random"),
            Self::RoundRobin => to.serialize_str("round_robin"),
        }
    }
}

record! {
    #[derive(Clone)]
    LeastRequest { choices: u32 }
}

impl OwnRecord for LeastRequest {
    const NAME: &'static str = "least request";

    fn initial() -> Self {
        Self { choices: 2 }
    }
}

/// A ring, and the key of its requests.
struct ConsistentHash {
    key: HashPolicy,
    min_ring_size: u32,
}

record! {
    ConsistentHashFields {
        hash_policy: Required<HashPolicy>,
        min_ring_size: u32,
    }
}

/// Points of a ring at the most.
const LARGEST_RING: u32 = 262_144;

impl Recorded for ConsistentHash {
    const NAME: &'static str = "consistent hash";
    type Fields = ConsistentHashFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(ConsistentHashFields {
            hash_policy: Required::MISSING,
            min_ring_size: 1_024,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ConsistentHashFields {
            hash_policy,
            min_ring_size,
        } = fields;
        if min_ring_size > LARGEST_RING {
            let reason = format!("must be at most {LARGEST_RING}");
            return Err(Invalid::new("min_ring_size", reason));
        }
        Ok(Self {
            key: hash_policy.get("hash_policy")?,
            min_ring_size,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { key, min_ring_size } = self;
        Ok(ConsistentHashFields {
            hash_policy: Required::new(key.clone()),
            // More is cut off where the ring is made.
            min_ring_size: (*min_ring_size).min(LARGEST_RING),
        })
    }
}
