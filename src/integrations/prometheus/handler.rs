use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::{HeaderMap, header};

use super::{Format, Metrics};

impl Metrics {
    /// Returns the handler of a scrape, for axum's `Router::route`: in `OpenMetrics` or in text, as the `Accept` header
    /// asks.
    pub fn handler<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let metrics = self.clone();
        get(async move |headers: HeaderMap| metrics.answer(&headers))
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let accept = headers.get(header::ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let format = Format::of_accept(accept.unwrap_or_default());
        let content_type = [(header::CONTENT_TYPE, format.content_type())];
        (content_type, self.encode(format)).into_response()
    }
}
