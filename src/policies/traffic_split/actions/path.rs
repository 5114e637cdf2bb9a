//! Replacement of the path in a URI.

use std::fmt::Write as _;

use http::Uri;
use http::uri::PathAndQuery;

/// Sets the path; the query stays.
pub(in crate::policies::traffic_split) fn set_path(uri: &mut Uri, path: &str) {
    let query = uri.query().map(|query| format!("?{query}"));
    let path = legal(path) + query.as_deref().unwrap_or_default();
    let Ok(path) = PathAndQuery::try_from(path) else {
        return;
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path);
    *uri = Uri::from_parts(parts).expect("the parts of a URI, with a path that starts with `/`");
}

/// Turns a text into a valid path: it starts with `/`, and bytes not allowed in a URI are encoded.
pub(in crate::policies::traffic_split) fn legal(path: &str) -> String {
    let mut legal = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        legal.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'#' | b'<' | b'>' | b'`') => {
                legal.push(char::from(byte));
            }
            _ => write!(legal, "%{byte:02X}").expect("a string takes every text"),
        }
    }
    legal
}
