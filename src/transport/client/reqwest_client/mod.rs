//! Requests to a reqwest client and its responses.

pub(super) mod fixed_resolver;

use http::{Request, Response, Uri};
use reqwest::{ResponseBuilderExt, Url};

use super::Body;
use super::request::target::{printed, to_text};

/// The final URL of a response, if it differs from the request's: reqwest followed redirects by
/// itself.
#[derive(Clone, Debug)]
pub(super) struct Redirected(pub(super) Url);

pub(super) fn convert(response: reqwest::Response, asked: &Uri) -> Response<Body> {
    let url = response.url().clone();
    let mut response = Response::<reqwest::Body>::from(response).map(Body::from);
    if !is_printed_as(asked, &url) {
        response.extensions_mut().insert(Redirected(url.clone()));
    }
    // Conversion to `http::Response` drops the URL, and the extension type in which reqwest looks
    // for it is private; `ResponseBuilderExt` sets it. The extensions pass through the builder, since a
    // second map of them would cost more than the rest.
    let extensions = std::mem::take(response.extensions_mut());
    let mut carrier = http::response::Builder::new();
    if let Some(carried) = carrier.extensions_mut() {
        *carried = extensions;
    }
    if let Ok(carrier) = carrier.url(url).body(()) {
        let (carrier, ()) = carrier.into_parts();
        *response.extensions_mut() = carrier.extensions;
    }
    response
}

/// Returns true if a URL is what a URI is, apart from its fragment, without printing the URI.
fn is_printed_as(uri: &Uri, url: &Url) -> bool {
    let (scheme, authority, path) = printed(uri);
    let text = url.as_str();
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let rest = text.strip_prefix(scheme);
    let rest = rest.and_then(|rest| rest.strip_prefix("://"));
    rest.and_then(|rest| rest.strip_prefix(authority)) == Some(path)
}

/// Converts a request as reqwest does by itself, but prints the URI faster.
pub(super) fn to_reqwest(request: Request<reqwest::Body>) -> reqwest::Result<reqwest::Request> {
    // Extensions may hold settings that reqwest keeps to itself.
    if !request.extensions().is_empty() {
        return request.try_into();
    }
    let Ok(url) = to_text(request.uri()).parse() else {
        return request.try_into();
    };
    let (head, body) = request.into_parts();
    let mut request = reqwest::Request::new(head.method, url);
    *request.body_mut() = Some(body);
    *request.headers_mut() = head.headers;
    *request.version_mut() = head.version;
    Ok(request)
}
