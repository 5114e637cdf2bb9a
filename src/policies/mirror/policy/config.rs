use std::time::Duration;

use http::HeaderName;
use http::uri::Authority;

use super::{Limits, MirrorPolicy};
use crate::foundation::config::{Bytes, Invalid, Recorded, Unset, policy, record};
use crate::foundation::sync::Percent;

policy!(MirrorPolicy);

record! {
    MirrorFields {
        share: Percent,
        authority: Unset<Authority>,
        shadow_host: bool,
        marker: Unset<HeaderName>,
        max_in_flight: u32,
        lag_limit: Bytes,
        buffer_limit: Bytes,
        timeout: Duration,
        trace_sampled: bool,
    }
}

impl Recorded for MirrorPolicy {
    const NAME: &'static str = "mirror";
    type Fields = MirrorFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let MirrorFields {
            share,
            authority,
            shadow_host,
            marker,
            max_in_flight,
            lag_limit,
            buffer_limit,
            timeout,
            trace_sampled,
        } = fields;
        let policy = Self::new(share)
            .with_shadow_host(shadow_host)
            .with_marker(marker.0)
            .with_max_in_flight(max_in_flight)
            .with_lag_limit(lag_limit.0)
            .with_buffer_limit(buffer_limit.0)
            .with_timeout(timeout)
            .with_trace_sampled(trace_sampled);
        Ok(match authority.0 {
            Some(authority) => policy.with_authority(authority),
            None => policy,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            authority,
            limits: Limits { buffered, lag },
            marker,
            max_in_flight,
            shadow_host,
            share,
            timeout,
            trace_sampled,
        } = self.clone();
        Ok(MirrorFields {
            share,
            authority: Unset(authority),
            shadow_host,
            marker: Unset(marker),
            max_in_flight,
            lag_limit: Bytes(lag),
            buffer_limit: Bytes(buffered),
            timeout,
            trace_sampled,
        })
    }
}
