use std::time::Duration;

use super::{DnsPolicy, Families};
use crate::foundation::config::{Invalid, Recorded, names, policy, record};
use crate::foundation::time::Backoff;

policy!(DnsPolicy);

record! {
    DnsFields {
        families: Families,
        working_family: bool,
        timeout: Duration,
        min_ttl: Duration,
        max_ttl: Duration,
        backoff: Backoff,
    }
}

impl Recorded for DnsPolicy {
    const NAME: &'static str = "DNS resolution";
    type Fields = DnsFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let DnsFields {
            families,
            working_family,
            timeout,
            min_ttl,
            max_ttl,
            backoff,
        } = fields;
        Ok(Self {
            backoff,
            families,
            max_ttl,
            min_ttl,
            timeout,
            working_family,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            backoff,
            families,
            max_ttl,
            min_ttl,
            timeout,
            working_family,
        } = *self;
        Ok(DnsFields {
            families,
            working_family,
            timeout,
            min_ttl,
            max_ttl,
            backoff,
        })
    }
}

names! {
    Families, "a choice of address families" {
        "all" => Self { v4: true, v6: true } => Self { v4: true, v6: true };
        "ipv4" => Self { v4: true, v6: false } => Self { v4: true, v6: false };
        "ipv6" => Self { v4: false, .. } => Self { v4: false, v6: true };
    }
}
