use http::Uri;

use crate::foundation::outcome::{BoxError, PoolError};
use crate::transport::pool::Wire;

/// TLS of a build without a feature for it.
#[derive(Clone, Default)]
pub(super) struct Tls {}

impl Tls {
    #[expect(clippy::unused_self, reason = "as with a feature for TLS")]
    pub(super) fn check(&self) -> Result<(), BoxError> {
        Err(PoolError::NoTls.into())
    }

    #[expect(clippy::unused_async, reason = "as with a feature for TLS")]
    pub(super) async fn connect(
        &self,
        _called: &Uri,
        _wire: Wire,
        _alpn: bool,
    ) -> Result<Wire, BoxError> {
        Err(PoolError::NoTls.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::Failure;
    use crate::client::Client;

    #[tokio::test]
    async fn https_without_a_feature_for_it_names_the_feature() {
        let error = Client::default().get("https://localhost:1/").send().await;
        let error = error.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::Tls));
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.to_string().contains("feature `rustls`"), "{source}");
    }
}
