//! Requests with the identities that listener and token would give them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::identity::{LocalAddress, PeerIdentity, RequestClaims, ServerName};
use meshless::mesh::Workload;
use meshless::rate_limit::PeerAddress;
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};

pub(super) type Text = Full<Bytes>;

/// A request and all that is known of its caller.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) claims: Option<Value>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) host: String,
    pub(super) local: SocketAddr,
    pub(super) method: String,
    /// As it is sent, with its query.
    pub(super) path: String,
    pub(super) peer: IpAddr,
    /// Without `spiffe://`.
    pub(super) principal: Option<String>,
    pub(super) server_name: Option<String>,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            claims: None,
            headers: Vec::new(),
            host: "httpbin.foo".to_owned(),
            local: ([10, 0, 0, 1], 8080).into(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            peer: [10, 0, 0, 9].into(),
            principal: None,
            server_name: None,
        }
    }
}

impl Caller {
    pub(super) fn request(&self) -> Request<Text> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.path)
            .header("host", &self.host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Text::default()).unwrap();
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddress(self.peer));
        extensions.insert(LocalAddress(self.local));
        if let Some(principal) = &self.principal {
            let uri = format!("spiffe://{principal}");
            extensions.insert(PeerIdentity::from_uri(&uri).unwrap());
        }
        if let Some(claims) = &self.claims {
            extensions.insert(RequestClaims::from_json(&claims.to_string()).unwrap());
        }
        if let Some(name) = &self.server_name {
            extensions.insert(ServerName(Arc::from(name.as_str())));
        }
        request
    }
}

/// Sends a request through the server of a workload; returns its status, and its text.
pub(super) async fn send(workload: &Workload, caller: &Caller) -> (Response<()>, String) {
    // The path that the application sees.
    let app = service_fn(|request: Request<Text>| async move {
        let path = request.uri().path().to_owned();
        Ok::<_, Infallible>(Response::new(Text::from(path)))
    });
    let response = workload.server().layer(app);
    let response = response.oneshot(caller.request()).await.unwrap();
    let (head, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    (Response::from_parts(head, ()), text)
}

/// Returns true if a request of the caller gets to the application.
pub(super) async fn is_allowed(workload: &Workload, caller: &Caller) -> bool {
    let (response, text) = send(workload, caller).await;
    match response.status().as_u16() {
        200 => true,
        403 => {
            assert_eq!(text, "RBAC: access denied");
            false
        }
        status => panic!("{status}: {caller:?}"),
    }
}
