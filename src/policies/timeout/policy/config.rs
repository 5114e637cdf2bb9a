use std::time::Duration;

use super::{Extent, Passes, TimeoutPolicy};
use crate::foundation::config::{Invalid, Recorded, names, policy, record};

policy!(TimeoutPolicy);

record! {
    TimeoutFields {
        total: Duration,
        idle: Duration,
        extent: Extent,
        incoming: bool,
        outgoing: bool,
        envoy_headers: bool,
        header_overrides: bool,
        grpc_offset: Duration,
    }
}

impl Recorded for TimeoutPolicy {
    const NAME: &'static str = "timeout";
    type Fields = TimeoutFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let TimeoutFields {
            total,
            idle,
            extent,
            incoming,
            outgoing,
            envoy_headers,
            header_overrides,
            grpc_offset,
        } = fields;
        let policy = match extent {
            Extent::Attempt => Self::per_try(total),
            Extent::Head => Self::head(total),
            Extent::Response => Self::total(total),
        };
        Ok(policy
            .with_idle(idle)
            .with_incoming(incoming)
            .with_outgoing(outgoing)
            .with_envoy_headers(envoy_headers)
            .with_header_overrides(header_overrides)
            .with_grpc_offset(grpc_offset))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            extent,
            grpc_offset,
            idle,
            passes:
                Passes {
                    envoy_headers,
                    incoming,
                    outgoing,
                },
            overrides,
            total,
        } = *self;
        Ok(TimeoutFields {
            total,
            idle,
            extent,
            incoming,
            outgoing,
            envoy_headers,
            header_overrides: overrides,
            grpc_offset,
        })
    }
}

names! {
    Extent, "an extent of a timeout" {
        "response" => Self::Response => Self::Response;
        "head" => Self::Head => Self::Head;
        "attempt" => Self::Attempt => Self::Attempt;
    }
}
