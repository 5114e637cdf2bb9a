use super::OutboundPolicy;
use crate::foundation::config::{Invalid, Onto, Recorded, policy, record};
use crate::policies::circuit_breaker::CircuitBreakerPolicy;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::telemetry::TracePolicy;
use crate::policies::timeout::TimeoutPolicy;

policy!(OutboundPolicy);

record! {
    OutboundFields {
        timeout: Onto<TimeoutPolicy>,
        retry: Onto<RetryPolicy>,
        circuit_breaker: Onto<CircuitBreakerPolicy>,
        concurrency_limit: Onto<ConcurrencyLimitPolicy>,
        attempt_limit: Onto<RateLimitPolicy>,
        rate_limit: Onto<RateLimitPolicy>,
        trace: Onto<TracePolicy>,
        streams: bool,
    }
}

impl Recorded for OutboundPolicy {
    const NAME: &'static str = "client's stack";
    type Fields = OutboundFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let OutboundFields {
            timeout,
            retry,
            circuit_breaker,
            concurrency_limit,
            attempt_limit,
            rate_limit,
            trace,
            streams,
        } = fields;
        Ok(Self {
            attempt_limit: attempt_limit.0,
            circuit_breaker: circuit_breaker.0,
            concurrency_limit: concurrency_limit.0,
            rate_limit: rate_limit.0,
            retry: retry.0,
            streams,
            timeout: timeout.0,
            trace: trace.0,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            attempt_limit,
            circuit_breaker,
            concurrency_limit,
            rate_limit,
            retry,
            streams,
            timeout,
            trace,
        } = self.clone();
        Ok(OutboundFields {
            timeout: Onto(timeout),
            retry: Onto(retry),
            circuit_breaker: Onto(circuit_breaker),
            concurrency_limit: Onto(concurrency_limit),
            attempt_limit: Onto(attempt_limit),
            rate_limit: Onto(rate_limit),
            trace: Onto(trace),
            streams,
        })
    }
}
