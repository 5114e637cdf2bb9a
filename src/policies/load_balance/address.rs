use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, header};

use crate::foundation::http::authority::with_authority;

/// Makes an endpoint the address of a request, and keeps whom it was addressed to as its `Host`.
pub(crate) fn set_authority<B>(request: &mut Request<B>, address: &Authority) {
    let uri = request.uri();
    // To the letter first: to look past upper case takes a step for each.
    let is_at =
        |authority: &Authority| authority.as_str() == address.as_str() || authority == address;
    if uri.authority().is_some_and(is_at) {
        return;
    }
    if let Some(old) = uri.authority()
        && !request.headers().contains_key(header::HOST)
    {
        // What may stand before `@` is for nobody's eyes.
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
