use std::time::Duration;

use http::HeaderName;

use super::RetryPolicy;
use crate::foundation::config::{
    Brief, Briefly, Bytes, Invalid, Recorded, Required, names, policy, record,
};
use crate::policies::retry::replay::replay_buffer::ReplayLimit;
use crate::policies::retry::{Backoff, ResetFormat, RetryBudget, RetryOn};

policy!(RetryPolicy);

record! {
    RetryFields {
        attempts: u32,
        retry_on: Brief<RetryOn>,
        backoff: Backoff,
        budget: RetryBudget,
        max_parallel: Option<u32>,
        non_idempotent: bool,
        per_try_timeout: Option<Duration>,
        per_try_queueing: bool,
        envoy_headers: bool,
        replay_limit: Brief<ReplayLimit>,
        retry_after: Duration,
        retry_after_in_time: bool,
        reset_headers: Vec<ResetHeader>,
    }
}

impl Recorded for RetryPolicy {
    const NAME: &'static str = "retry";
    type Fields = RetryFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RetryFields {
            attempts,
            retry_on,
            backoff,
            budget,
            max_parallel,
            non_idempotent,
            per_try_timeout,
            per_try_queueing,
            envoy_headers,
            replay_limit,
            retry_after,
            retry_after_in_time,
            reset_headers,
        } = fields;
        let mut policy = Self::new(attempts)
            .with_retry_on(retry_on.0)
            .with_backoff(backoff)
            .with_budget(budget)
            .with_non_idempotent(non_idempotent)
            .with_per_try_timeout(per_try_timeout.unwrap_or_default())
            .with_per_try_queueing(per_try_queueing)
            .with_envoy_headers(envoy_headers)
            .with_retry_after(retry_after)
            .with_retry_after_in_time(retry_after_in_time);
        policy.max_parallel = max_parallel;
        policy.replay_limit = replay_limit.0;
        policy.reset_headers = reset_headers
            .into_iter()
            .map(|ResetHeader(name, format)| (name, format))
            .collect();
        Ok(policy)
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            attempts,
            backoff,
            budget,
            envoy_headers,
            max_parallel,
            non_idempotent,
            on,
            per_try_queueing,
            per_try_timeout,
            error_classifier,
            replay_limit,
            reset_headers,
            retry_after,
            retry_after_in_time,
        } = self.clone();
        Invalid::function("error_classifier", error_classifier.is_custom())?;
        Ok(RetryFields {
            attempts,
            retry_on: Brief(on),
            backoff,
            budget,
            max_parallel,
            non_idempotent,
            per_try_timeout,
            per_try_queueing,
            envoy_headers,
            replay_limit: Brief(replay_limit),
            retry_after,
            retry_after_in_time,
            reset_headers: reset_headers
                .into_iter()
                .map(|(name, format)| ResetHeader(name, format))
                .collect(),
        })
    }
}

record! {
    ReplayLimitFields {
        stream: Bytes,
        whole: Bytes,
    }
}

impl Recorded for ReplayLimit {
    const NAME: &'static str = "replay limit";
    type Fields = ReplayLimitFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        RetryPolicy::default().replay_limit.to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ReplayLimitFields { stream, whole } = fields;
        Ok(Self {
            stream: stream.0,
            whole: whole.0,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { stream, whole } = *self;
        Ok(ReplayLimitFields {
            stream: Bytes(stream),
            whole: Bytes(whole),
        })
    }
}

/// One number is the limit of every body.
impl Briefly for ReplayLimit {
    type Short = Bytes;

    fn from_short(bytes: Bytes) -> Result<Self, String> {
        Ok(Self::of(bytes.0))
    }

    fn to_short(&self) -> Option<Bytes> {
        (*self == Self::of(self.stream)).then_some(Bytes(self.stream))
    }
}

/// A response header with the time to wait.
struct ResetHeader(HeaderName, ResetFormat);

record! {
    ResetHeaderFields {
        name: Required<HeaderName>,
        format: Required<ResetFormat>,
    }
}

impl Recorded for ResetHeader {
    const NAME: &'static str = "reset header";
    type Fields = ResetHeaderFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(ResetHeaderFields {
            name: Required::MISSING,
            format: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ResetHeaderFields { name, format } = fields;
        Ok(Self(name.get("name")?, format.get("format")?))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(name, format) = self;
        Ok(ResetHeaderFields {
            name: Required::new(name.clone()),
            format: Required::new(*format),
        })
    }
}

names! {
    ResetFormat, "a format of a reset header" {
        "seconds" => Self::Seconds => Self::Seconds;
        "unix_timestamp" => Self::UnixTimestamp => Self::UnixTimestamp;
    }
}
