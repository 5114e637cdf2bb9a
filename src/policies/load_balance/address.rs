use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, header};

use crate::foundation::http::authority::with_authority;

/// Sets the authority of a request's URI to an endpoint, and keeps the old authority as its `Host`.
pub(crate) fn set_authority<B>(request: &mut Request<B>, address: &Authority) {
    let uri = request.uri();
    // Compared as text first: the comparison that ignores case takes a step for each byte.
    let is_at =
        |authority: &Authority| authority.as_str() == address.as_str() || authority == address;
    if uri.authority().is_some_and(is_at) {
        return;
    }
    if let Some(old) = uri.authority()
        && !request.headers().contains_key(header::HOST)
    {
        // User information before `@` must not reach a header.
        let host = old.as_str().rsplit('@').next().unwrap_or_default();
        if let Ok(host) = HeaderValue::from_str(host) {
            request.headers_mut().insert(header::HOST, host);
        }
    }
    // What a header says of it is about another hop, and anybody can write it.
    let scheme = request.uri().scheme().cloned().unwrap_or(Scheme::HTTP);
    let uri = std::mem::take(request.uri_mut());
    *request.uri_mut() = with_authority(uri, address.clone(), scheme);
}
