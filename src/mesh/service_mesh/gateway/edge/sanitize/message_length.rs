use http::{HeaderMap, HeaderValue, Method, header};

use super::presence::Presence;
use crate::foundation::outcome::Rejection;

/// Rejects a message with an ambiguous length (RFC 9112, 6.3), whose end the next hop might see elsewhere.
///
/// The server has rejected messages that it cannot parse.
///
/// # Errors
///
/// Its length is given twice, or its body is in a coding other than `chunked`.
pub(in crate::mesh::service_mesh::gateway::edge) fn check(
    headers: &HeaderMap,
    presence: Presence,
) -> Result<(), Rejection> {
    if presence.has(Presence::TRANSFER_ENCODING) {
        if presence.has(Presence::CONTENT_LENGTH) {
            return Err(Rejection::BadRequest(
                "Content-Length beside Transfer-Encoding",
            ));
        }
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        // The server has decoded `chunked`; another coding would be forwarded without its name.
        let is_chunked = |coding: &HeaderValue| {
            let coding = coding.as_bytes().trim_ascii();
            coding.eq_ignore_ascii_case(b"chunked")
        };
        if !codings.next().is_some_and(is_chunked) || codings.next().is_some() {
            return Err(Rejection::UnknownCoding);
        }
    } else if presence.has(Presence::CONTENT_LENGTH) {
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        let is_number = |length: &HeaderValue| length.as_bytes().iter().all(u8::is_ascii_digit);
        if !lengths.next().is_some_and(is_number) || lengths.next().is_some() {
            return Err(Rejection::BadRequest("several lengths"));
        }
    }
    Ok(())
}

/// Writes that a request has no body where its method would let a server wait for one (RFC 9110, 8.6).
pub(in crate::mesh::service_mesh::gateway::edge) fn tell_empty(
    method: &Method,
    headers: &mut HeaderMap,
    presence: Presence,
) {
    let is_told =
        presence.has(Presence::CONTENT_LENGTH) || presence.has(Presence::TRANSFER_ENCODING);
    if !is_told && !matches!(*method, Method::GET | Method::HEAD | Method::TRACE) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn checked(fields: &[(&str, &str)]) -> Result<(), Rejection> {
        let request = fields
            .iter()
            .fold(Request::builder(), |request, (name, value)| {
                request.header(*name, *value)
            });
        let headers = request.body(()).unwrap().into_parts().0.headers;
        check(&headers, Presence::of(&headers))
    }

    #[test]
    fn a_length_is_told_once_whichever_server_read_the_request() {
        assert_eq!(checked(&[("content-length", "2")]), Ok(()));
        assert_eq!(checked(&[("transfer-encoding", "Chunked")]), Ok(()));
        for fields in [
            &[("content-length", "2"), ("content-length", "2")][..],
            &[("content-length", "2, 2")],
            &[("content-length", "2"), ("transfer-encoding", "chunked")],
        ] {
            assert!(
                matches!(checked(fields), Err(Rejection::BadRequest(_))),
                "{fields:?}"
            );
        }
        for coding in ["gzip", "gzip, chunked"] {
            let refused = Err(Rejection::UnknownCoding);
            assert_eq!(
                checked(&[("transfer-encoding", coding)]),
                refused,
                "{coding}"
            );
        }
    }
}
