use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderValue, Response, StatusCode, header};

use super::proxy_config::ProxyConfig;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, scheme, split_port};
use crate::foundation::outcome::LocalReplyBody;

impl ProxyConfig {
    /// Returns the redirect to HTTPS of a request over plain HTTP, where a server of its host asks for it.
    pub(in crate::mesh) fn https_redirect(
        &self,
        port: Option<u16>,
        head: RequestHead<'_>,
    ) -> Option<Response<LocalReplyBody>> {
        let (host, _) = split_port(authority(&head));
        let mut servers = self.servers_of(host, port);
        let status = servers.find_map(|server| server.https_redirect)?;
        (scheme(&head) == "http").then(|| to_https(head, host, status))?
    }
}

fn to_https(
    head: RequestHead<'_>,
    host: &str,
    status: StatusCode,
) -> Option<Response<LocalReplyBody>> {
    let path = head.uri().path_and_query().cloned();
    let uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(Authority::try_from(host).ok()?)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .ok()?;
    let mut response = Response::new(LocalReplyBody::empty());
    *response.status_mut() = status;
    let location = HeaderValue::from_str(&uri.to_string()).ok()?;
    response.headers_mut().insert(header::LOCATION, location);
    Some(response)
}
