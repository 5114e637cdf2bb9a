use super::FailureOn;
use crate::foundation::config::{Invalid, Recorded, record};
use crate::foundation::http::GrpcStatus;

record! {
    FailureOnFields {
        server_errors: bool,
        gateway_errors: bool,
        too_many_requests: bool,
        grpc: Vec<GrpcStatus>,
        connect_failures: bool,
        resets: bool,
        timeouts: bool,
        broken_bodies: bool,
        other_errors: bool,
        abandoned: bool,
        rejections: bool,
    }
}

impl Recorded for FailureOn {
    const NAME: &'static str = "set of failures";
    type Fields = FailureOnFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let FailureOnFields {
            server_errors,
            gateway_errors,
            too_many_requests,
            grpc,
            connect_failures,
            resets,
            timeouts,
            broken_bodies,
            other_errors,
            abandoned,
            rejections,
        } = fields;
        Ok(Self::NOTHING
            .with_server_errors(server_errors)
            .with_gateway_errors(gateway_errors)
            .with_too_many_requests(too_many_requests)
            .with_grpc(&grpc)
            .with_connect_failures(connect_failures)
            .with_resets(resets)
            .with_timeouts(timeouts)
            .with_broken_bodies(broken_bodies)
            .with_other_errors(other_errors)
            .with_abandoned(abandoned)
            .with_rejections(rejections))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            facts: _,
            grpc,
            classifier,
        } = self;
        Invalid::function("classifier", !classifier.is_none())?;
        Ok(FailureOnFields {
            server_errors: self.has(super::SERVER_ERRORS),
            gateway_errors: self.has(super::GATEWAY_ERRORS),
            too_many_requests: self.has(super::TOO_MANY_REQUESTS),
            grpc: GrpcStatus::all()
                .filter(|status| grpc & (1 << status.code()) != 0)
                .collect(),
            connect_failures: self.has(super::CONNECT_FAILURES),
            resets: self.has(super::RESETS),
            timeouts: self.has(super::TIMEOUTS),
            broken_bodies: self.has(super::BROKEN_BODIES),
            other_errors: self.has(super::OTHER_ERRORS),
            abandoned: self.has(super::ABANDONED),
            rejections: self.has(super::REJECTIONS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::circuit_breaker::verdict::OutcomeClassifier;

    #[test]
    fn every_fact_has_a_setting() {
        let all = FailureOn {
            // Ten facts: an eleventh needs a setting, and a bit here.
            facts: (super::super::TOO_MANY_REQUESTS << 1) - 1,
            grpc: 0,
            classifier: OutcomeClassifier::NONE,
        };
        let read = FailureOn::from_fields(all.to_fields().unwrap()).unwrap();
        assert_eq!(read, all);
    }
}
