use std::time::Duration;

use tonic::Status;

use super::wire::Fields;
use crate::foundation::outcome::error_details::DOMAIN;

/// A rejection by a policy of this crate, as the details of a gRPC status report it: in this process or in a server.
///
/// A status holds it as `google.rpc.ErrorInfo`, with the domain `meshless`, and as `google.rpc.RetryInfo`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RejectionInfo {
    message: String,
    policy: String,
    reason: String,
    response_flags: String,
    retry_after: Option<Duration>,
}

impl RejectionInfo {
    /// Returns the rejection in the details of a status; `None` if the status is another server's own.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let details = Fields(status.details());
        let detail = |name: &str| {
            let mut all = details.bytes(3).map(Fields);
            let detail = all.find(|any| any.text(1).rsplit('/').next() == Some(name))?;
            detail.bytes(2).next().map(Fields)
        };
        let info = detail("google.rpc.ErrorInfo").filter(|info| info.text(2) == DOMAIN)?;
        let metadata = |key: &str| {
            let mut entries = info.bytes(3).map(Fields);
            let entry = entries.find(|entry| entry.text(1) == key);
            entry.map_or("", |entry| entry.text(2)).to_owned()
        };
        let delay = || {
            let delay = Fields(detail("google.rpc.RetryInfo")?.bytes(1).next()?);
            let nanos = u32::try_from(delay.number(2)).ok()?;
            Duration::from_secs(delay.number(1)).checked_add(Duration::from_nanos(nanos.into()))
        };
        Some(Self {
            message: details.text(2).to_owned(),
            policy: metadata("policy"),
            reason: info.text(1).to_owned(),
            response_flags: metadata("response_flags"),
            retry_after: delay(),
        })
    }

    /// Returns the text of the [`Rejection`](crate::Rejection), such as `circuit breaker open: consecutive failures: 5`.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the name of the rejecting policy, such as `circuit_breaker`; see
    /// [`Rejection::policy`](crate::Rejection::policy).
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the variant of the [`Rejection`](crate::Rejection) in capitals, such as `CIRCUIT_OPEN`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns Envoy's response flag, such as `UH`.
    #[must_use]
    pub fn response_flags(&self) -> &str {
        &self.response_flags
    }

    /// Returns the time to wait before a retry, if it is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}
