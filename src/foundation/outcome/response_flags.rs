use std::fmt::{self, Display, Formatter, Write};
use std::ops::BitOr;

use super::{Failure, Outcome, Rejection, RetryStopReason};

/// Envoy's response flags of a request: what was special about its response, or about its absence.
///
/// Its [`Display`] writes the short names as Envoy does, such as `UF,URX`, and `-` for none.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResponseFlags(u32);

/// Short names in the order in which Envoy writes them.
const NAMES: [&str; 29] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC",
    "URX", "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
];

impl ResponseFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The caller ended the connection or the stream before the response did.
    pub const DOWNSTREAM_CONNECTION_TERMINATION: Self = Self(1 << 14);
    /// The request was no valid HTTP, or broke off.
    pub const DOWNSTREAM_PROTOCOL_ERROR: Self = Self(1 << 18);
    /// The connection to the upstream failed.
    pub const UPSTREAM_CONNECTION_FAILURE: Self = Self(1 << 5);
    /// The connection to the upstream ended before the response did.
    pub const UPSTREAM_CONNECTION_TERMINATION: Self = Self(1 << 6);
    /// A limit of the cluster, or its retry budget, was reached.
    pub const UPSTREAM_OVERFLOW: Self = Self(1 << 7);
    /// The response was no valid HTTP.
    pub const UPSTREAM_PROTOCOL_ERROR: Self = Self(1 << 23);
    /// The upstream reset the stream.
    pub const UPSTREAM_REMOTE_RESET: Self = Self(1 << 4);
    /// No response arrived in time.
    pub const UPSTREAM_REQUEST_TIMEOUT: Self = Self(1 << 2);
    /// The request failed although it was retried as often as its policy allows.
    pub const UPSTREAM_RETRY_LIMIT_EXCEEDED: Self = Self(1 << 15);

    /// Returns the flags of a request that ended so, without those that only its retries know.
    #[must_use]
    pub fn of(outcome: Outcome, rejection: Option<Rejection>) -> Self {
        if let Some(rejection) = rejection {
            return Self::parse(rejection.flag());
        }
        match outcome {
            Outcome::Abandoned => Self::DOWNSTREAM_CONNECTION_TERMINATION,
            Outcome::Failed(failure) => Self::of_failure(failure),
            Outcome::Grpc(_) | Outcome::Rejected | Outcome::Status(_) => Self::NONE,
        }
    }

    const fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::Connect | Failure::Dns | Failure::Tls => Self::UPSTREAM_CONNECTION_FAILURE,
            Failure::Body | Failure::Closed | Failure::NotSent => {
                Self::UPSTREAM_CONNECTION_TERMINATION
            }
            Failure::RefusedStream | Failure::Reset => Self::UPSTREAM_REMOTE_RESET,
            Failure::RequestBody => Self::DOWNSTREAM_PROTOCOL_ERROR,
            Failure::Timeout => Self::UPSTREAM_REQUEST_TIMEOUT,
            Failure::Other => Self::UPSTREAM_PROTOCOL_ERROR,
            // A panic is no event of the network, and Envoy has no flag for it.
            Failure::Panic => Self::NONE,
        }
    }

    /// Returns the flag of a failure that is not retried for want of retries; none for other reasons.
    pub(crate) const fn of_retry_stop(reason: RetryStopReason) -> Self {
        match reason {
            RetryStopReason::Attempts(limit) if limit > 0 => Self::UPSTREAM_RETRY_LIMIT_EXCEEDED,
            RetryStopReason::Budget(_) | RetryStopReason::Parallel(_) => Self::UPSTREAM_OVERFLOW,
            _ => Self::NONE,
        }
    }

    /// Reads short names, separated by commas; unknown ones are skipped.
    #[must_use]
    pub fn parse(names: &str) -> Self {
        names.split(',').fold(Self::NONE, |all, name| {
            match NAMES.iter().position(|known| *known == name) {
                Some(place) => Self(all.0 | 1 << place),
                None => all,
            }
        })
    }

    /// Returns true if there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the flags as bits, in the order in which they are written.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for ResponseFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Display for ResponseFlags {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        for (place, name) in NAMES.iter().enumerate() {
            if self.0 & 1 << place != 0 {
                if !std::mem::take(&mut is_first) {
                    f.write_char(',')?;
                }
                f.write_str(name)?;
            }
        }
        if is_first {
            f.write_char('-')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn flags_are_written_in_the_order_of_envoy() {
        let flags = ResponseFlags::parse("URX,UF");
        assert_eq!(flags.to_string(), "UF,URX");
        assert_eq!(ResponseFlags::NONE.to_string(), "-");
        assert_eq!(ResponseFlags::parse("-,new"), ResponseFlags::NONE);
        for name in NAMES {
            assert_eq!(ResponseFlags::parse(name).to_string(), name);
        }
    }

    #[test]
    fn each_constant_has_the_name_of_envoy() {
        let expected = [
            (ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION, "DC"),
            (ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR, "DPE"),
            (ResponseFlags::UPSTREAM_CONNECTION_FAILURE, "UF"),
            (ResponseFlags::UPSTREAM_CONNECTION_TERMINATION, "UC"),
            (ResponseFlags::UPSTREAM_OVERFLOW, "UO"),
            (ResponseFlags::UPSTREAM_PROTOCOL_ERROR, "UPE"),
            (ResponseFlags::UPSTREAM_REMOTE_RESET, "UR"),
            (ResponseFlags::UPSTREAM_REQUEST_TIMEOUT, "UT"),
            (ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED, "URX"),
        ];
        for (flags, name) in expected {
            assert_eq!(flags.to_string(), name);
        }
    }

    #[test]
    fn a_response_of_the_upstream_has_no_flag_whatever_its_status() {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        assert!(ResponseFlags::of(Outcome::Status(status), None).is_empty());
        let rejected = ResponseFlags::of(Outcome::Rejected, Some(Rejection::NoHealthyUpstream));
        assert_eq!(rejected.to_string(), "UH");
    }
}
