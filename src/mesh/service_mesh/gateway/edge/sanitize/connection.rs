use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::presence::Presence;

/// Maximum number of fields in `Connection`, as in Envoy.
const MAX_NOMINATED: usize = 10;

/// Removes the fields that `Connection` names (RFC 9110, 7.6.1), before other fields of the same name are
/// written here. Only `upgrade` stays in it, for the upgrade code.
///
/// # Errors
///
/// Says why, if a field is named that every hop needs: it would hide where a request comes from.
pub(in crate::mesh::service_mesh::gateway::edge) fn remove_nominated(
    headers: &mut HeaderMap,
) -> Result<(), &'static str> {
    let mut nominated = Vec::new();
    let mut upgrades = false;
    for token in tokens(headers, &header::CONNECTION) {
        match &*token.to_ascii_lowercase() {
            // `TE` is filtered by value.
            "" | "close" | "keep-alive" | "te" => {}
            "upgrade" => upgrades = true,
            "host" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" => {
                return Err("Connection names a field that every hop needs");
            }
            name => nominated
                .push(HeaderName::try_from(name).map_err(|_| "Connection names what is no field")?),
        }
    }
    if nominated.len() > MAX_NOMINATED {
        return Err("Connection names too many fields");
    }
    for name in nominated {
        headers.remove(name);
    }
    let is_h2c = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    if headers.get(header::UPGRADE).is_some_and(is_h2c) {
        // Deprecated (RFC 9113, 3.1), and about this hop alone: ignored.
        headers.remove(header::UPGRADE);
    }
    if upgrades && headers.contains_key(header::UPGRADE) {
        let upgrade = HeaderValue::from_static("upgrade");
        headers.insert(header::CONNECTION, upgrade);
    } else {
        headers.remove(header::CONNECTION);
    }
    Ok(())
}

/// Leaves of `TE` what gRPC asks every hop for (RFC 9110, 10.1.4).
pub(in crate::mesh::service_mesh::gateway::edge) fn sanitize_te(headers: &mut HeaderMap) {
    let trailers = tokens(headers, &header::TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    } else {
        headers.remove(header::TE);
    }
}

/// Takes away an expectation that the server answers by itself (RFC 9110, 10.1.1).
pub(in crate::mesh::service_mesh::gateway::edge) fn answer_expectation(headers: &mut HeaderMap) {
    let is_met = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get(header::EXPECT).is_some_and(is_met) {
        headers.remove(header::EXPECT);
    }
}

/// Takes away what only Envoy says about a request, and Istio's proxies about themselves.
pub(in crate::mesh::service_mesh::gateway::edge) fn remove_internal(
    headers: &mut HeaderMap,
    presence: Presence,
) {
    if presence.has(Presence::ENVOY) {
        let names = headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-envoy-"));
        for name in names.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
    }
    if presence.has(Presence::FORWARDED_CLIENT_CERT) {
        headers.remove("x-forwarded-client-cert");
    }
    // The trace writes a new one.
    if presence.has(Presence::REQUEST_ID) {
        headers.remove("x-request-id");
    }
}

/// Returns the elements of a list field, all of its lines; a line that is no text counts as empty.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let request = fields
            .iter()
            .fold(Request::builder(), |request, (name, value)| {
                request.header(*name, *value)
            });
        request.body(()).unwrap().into_parts().0.headers
    }

    #[test]
    fn what_connection_names_goes_and_an_upgrade_stays() {
        let mut all = headers(&[
            ("connection", "keep-alive, X-Hop,Upgrade"),
            ("connection", "x-other"),
            ("upgrade", "websocket"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("x-stays", "1"),
        ]);
        assert_eq!(remove_nominated(&mut all), Ok(()));
        let left = headers(&[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("x-stays", "1"),
        ]);
        assert_eq!(all, left);
    }

    #[test]
    fn an_upgrade_to_http2_is_as_good_as_not_asked_for() {
        let mut all = headers(&[
            ("connection", "Upgrade, HTTP2-Settings"),
            ("http2-settings", "AAMAAABk"),
            ("upgrade", "h2c"),
        ]);
        assert_eq!(remove_nominated(&mut all), Ok(()));
        assert!(all.is_empty());
    }

    #[test]
    fn a_caller_cannot_hide_where_it_comes_from() {
        let eleven = (0..11)
            .map(|n| format!("x-{n}"))
            .collect::<Vec<_>>()
            .join(",");
        for named in [
            "host",
            "X-Forwarded-For",
            "close, x-forwarded-proto",
            ":path",
            &eleven,
        ] {
            let mut all = headers(&[("connection", named)]);
            assert!(remove_nominated(&mut all).is_err(), "{named}");
        }
    }

    #[test]
    fn te_says_trailers_or_nothing() {
        for (te, left) in [
            ("trailers", Some("trailers")),
            ("deflate, Trailers", Some("trailers")),
            ("gzip", None),
            ("gzip, trailers;q=0.5", None),
        ] {
            let mut all = headers(&[("te", te)]);
            sanitize_te(&mut all);
            assert_eq!(all.get("te").map(|te| te.to_str().unwrap()), left, "{te}");
        }
    }
}
