use super::InboundPolicy;
use crate::foundation::config::{Invalid, Onto, Recorded, policy, record};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::telemetry::TracePolicy;
use crate::policies::timeout::TimeoutPolicy;

policy!(InboundPolicy);

record! {
    InboundFields {
        timeout: Onto<TimeoutPolicy>,
        concurrency_limit: Onto<ConcurrencyLimitPolicy>,
        rate_limit: Onto<RateLimitPolicy>,
        trace: Onto<TracePolicy>,
        streams: bool,
    }
}

impl Recorded for InboundPolicy {
    const NAME: &'static str = "server's stack";
    type Fields = InboundFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let InboundFields {
            timeout,
            concurrency_limit,
            rate_limit,
            trace,
            streams,
        } = fields;
        Ok(Self {
            concurrency_limit: concurrency_limit.0,
            rate_limit: rate_limit.0,
            streams,
            timeout: timeout.0,
            trace: trace.0,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            concurrency_limit,
            rate_limit,
            streams,
            timeout,
            trace,
        } = self.clone();
        Ok(InboundFields {
            timeout: Onto(timeout),
            concurrency_limit: Onto(concurrency_limit),
            rate_limit: Onto(rate_limit),
            trace: Onto(trace),
            streams,
        })
    }
}
