use http::uri::PathAndQuery;
use http::{Method, Uri};

use crate::foundation::http::normal_path::normalize_target;
use crate::foundation::outcome::Rejection;

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
    normalize_target(uri).map_err(Rejection::BadRequest)
}
