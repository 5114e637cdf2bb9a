use http::{HeaderMap, HeaderValue, header};

/// Returns the value of the first cookie with this name, without the quotes around it.
///
/// Searches every `cookie` header (HTTP/2 sends one per cookie), as Envoy does.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .find_map(|pair| value_of(pair, name.as_bytes()))
}

/// Joins the `cookie` fields of an HTTP/2 request, one of which a client may send for each cookie, before
/// anything else sees them (RFC 9113, 8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(header::COOKIE).iter();
    if fields.nth(1).is_none() {
        return;
    }
    let fields: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
    let fields: Vec<_> = fields.into_iter().map(HeaderValue::as_bytes).collect();
    if let Ok(one) = HeaderValue::from_bytes(&fields.join(&b"; "[..])) {
        headers.insert(header::COOKIE, one);
    }
}

fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    // Browsers separate cookies with `; `, so the name may start with a space.
    (key.trim_ascii() == name).then(|| unquoted(value.trim_ascii()))
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}
