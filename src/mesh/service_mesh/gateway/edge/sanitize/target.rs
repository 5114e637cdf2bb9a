use std::borrow::Cow;

use http::uri::PathAndQuery;
use http::{Method, Uri};

use crate::foundation::outcome::Rejection;
use crate::policies::traffic_split::normalized;

/// Normalizes the path of a target, as Envoy does under Istio's default `pathNormalization: BASE`. The query
/// is unchanged.
///
/// # Errors
///
/// The target is no path, or one that Envoy refuses.
pub(in crate::mesh::service_mesh::gateway::edge) fn normalize(
    method: &Method,
    uri: &mut Uri,
) -> Result<(), Rejection> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if target == "*" {
        // `OPTIONS *` addresses the server as a whole, and no route matches it.
        return Err(match *method {
            Method::OPTIONS => Rejection::NoRoute,
            _ => Rejection::BadRequest("the target is no path"),
        });
    }
    if !target.starts_with('/') {
        return Err(Rejection::BadRequest("the target is no path"));
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Rejection::BadRequest(
            "a target with bytes that have to be escaped",
        ));
    }
    let path = uri.path();
    if path.as_bytes().windows(3).any(|three| three == b"%00") {
        return Err(Rejection::BadRequest("NUL in the path"));
    }
    if let Cow::Owned(path) = normalized(path) {
        let target = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let target = PathAndQuery::try_from(target);
        *uri = target.map_err(|_| Rejection::BadRequest("no path"))?.into();
    }
    Ok(())
}
