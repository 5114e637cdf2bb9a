use crate::foundation::outcome::BoxError;

/// Error of creating a [`Resolver`](super::Resolver).
#[derive(Debug, thiserror::Error)]
#[error("no name servers to ask")]
pub struct DnsError(#[source] BoxError);

impl DnsError {
    pub(super) fn of(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}
