use http::Uri;

use crate::foundation::outcome::{BoxError, PoolError};
use crate::transport::pool::Wire;

/// TLS of a build without a feature for it.
#[derive(Clone, Default)]
pub(super) struct Tls;

impl Tls {
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
