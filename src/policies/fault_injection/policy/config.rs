use std::time::Duration;

use http::StatusCode;

use super::{Abort, FaultInjectionPolicy, Only};
use crate::foundation::config::{Invalid, Recorded, Required, policy, record};
use crate::foundation::http::GrpcStatus;
use crate::foundation::sync::Percent;

policy!(FaultInjectionPolicy);

record! {
    FaultInjectionFields {
        abort: Option<InjectedAbort>,
        delay: Option<InjectedDelay>,
        abort_as_upstream: bool,
        header_control: bool,
        max_active: Option<u32>,
    }
}

/// Share of the requests to abort, and the response to them.
struct InjectedAbort(Percent, Abort);

/// Share of the requests to delay, and the time.
struct InjectedDelay(Percent, Duration);

record! {
    AbortFields {
        percentage: Required<Percent>,
        http_status: Option<StatusCode>,
        grpc_status: Option<GrpcStatus>,
    }
}

record! {
    DelayFields {
        percentage: Required<Percent>,
        fixed_delay: Required<Duration>,
    }
}

impl Recorded for FaultInjectionPolicy {
    const NAME: &'static str = "fault injection";
    type Fields = FaultInjectionFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let FaultInjectionFields {
            abort,
            delay,
            abort_as_upstream,
            header_control,
            max_active,
        } = fields;
        Ok(Self {
            abort: abort.map(|InjectedAbort(share, abort)| (share, abort)),
            as_upstream: abort_as_upstream,
            delay: delay.map(|InjectedDelay(share, delay)| (share, delay)),
            by_header: header_control,
            max_active,
            only: Only(None),
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            abort,
            as_upstream,
            delay,
            by_header,
            max_active,
            only,
        } = self;
        Invalid::function("match", only.0.is_some())?;
        Ok(FaultInjectionFields {
            abort: abort.map(|(share, abort)| InjectedAbort(share, abort)),
            delay: delay.map(|(share, delay)| InjectedDelay(share, delay)),
            abort_as_upstream: *as_upstream,
            header_control: *by_header,
            max_active: *max_active,
        })
    }
}

impl Recorded for InjectedAbort {
    const NAME: &'static str = "abort";
    type Fields = AbortFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(AbortFields {
            percentage: Required::MISSING,
            http_status: None,
            grpc_status: None,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let AbortFields {
            percentage,
            http_status,
            grpc_status,
        } = fields;
        let abort = match (http_status, grpc_status) {
            (Some(status), None) => Abort::Http(status),
            (None, Some(status)) => Abort::Grpc(status),
            (None, None) => {
                return Err(Invalid::new(
                    "http_status",
                    "is missing, as is `grpc_status`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Invalid::new(
                    "http_status",
                    "and `grpc_status` exclude each other",
                ));
            }
        };
        Ok(Self(percentage.get("percentage")?, abort))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(share, abort) = self;
        let (http_status, grpc_status) = match abort {
            Abort::Grpc(status) => (None, Some(*status)),
            Abort::Http(status) => (Some(*status), None),
        };
        Ok(AbortFields {
            percentage: Required::new(*share),
            http_status,
            grpc_status,
        })
    }
}

impl Recorded for InjectedDelay {
    const NAME: &'static str = "delay";
    type Fields = DelayFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(DelayFields {
            percentage: Required::MISSING,
            fixed_delay: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let DelayFields {
            percentage,
            fixed_delay,
        } = fields;
        let delay = fixed_delay.get("fixed_delay")?;
        Ok(Self(percentage.get("percentage")?, delay))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(share, delay) = self;
        Ok(DelayFields {
            percentage: Required::new(*share),
            fixed_delay: Required::new(*delay),
        })
    }
}
