use std::fmt::Debug;

use bytes::Bytes;
use http::request::Builder;
use http::response::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceExt};

use super::inner::TEXT;

/// Maximum size of a request body.
pub(super) const BODY_LIMIT: usize = 100;

type Call = Request<Full<Bytes>>;

/// Sends a request, and reads all of the response.
async fn send<S, R>(service: &S, request: Builder, body: &'static str) -> (Parts, Bytes)
where
    S: Service<Call, Response = Response<R>> + Clone,
    S::Error: Debug,
    R: Body,
    R::Error: Debug,
{
    let request = request.header(header::CONTENT_LENGTH, body.len());
    let request = request.body(Full::from(body)).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}

macro_rules! checks {
    ($($(#[$doc:meta])* async fn $name:ident($service:ident) $body:block)+) => {$(
        $(#[$doc])*
        pub(super) async fn $name<S, R>($service: S)
        where
            S: Service<Call, Response = Response<R>> + Clone,
            S::Error: Debug,
            R: Body,
            R::Error: Debug,
        $body
    )+};
}

checks! {
    async fn catch_panic(service) {
        let (head, _) = send(&service, Request::get("/panic"), "").await;
        assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    async fn compression(service) {
        let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
        let (head, body) = send(&service, request, "").await;
        assert_eq!(head.headers[header::CONTENT_ENCODING], "gzip");
        assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < TEXT.len());
    }

    async fn cors(service) {
        let from = |method| Request::builder().method(method).uri("/").header(header::ORIGIN, "http://a");
        let preflight = from(Method::OPTIONS).header(header::ACCESS_CONTROL_REQUEST_METHOD, "PUT");
        let (head, body) = send(&service, preflight, "").await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "*");
        assert_eq!(body, "");
        let (head, body) = send(&service, from(Method::GET), "").await;
        assert_eq!(head.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(body, TEXT);
    }

    async fn decompression(service) {
        let (head, body) = send(&service, Request::get("/"), "").await;
        assert!(!head.headers.contains_key(header::CONTENT_ENCODING));
        assert_eq!(body, TEXT);
    }

    async fn request_body_limit(service) {
        let (head, body) = send(&service, Request::put("/"), "short").await;
        assert_eq!((head.status, &*body), (StatusCode::OK, TEXT.as_bytes()));
        let long = "ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.ten bytes.+";
        let (head, _) = send(&service, Request::put("/"), long).await;
        assert_eq!(head.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    async fn set_request_id(service) {
        let (head, body) = send(&service, Request::get("/"), "").await;
        assert!(head.headers.contains_key("seen-request-id"));
        assert_eq!(body, TEXT);
    }

    async fn timeout(service) {
        let (head, _) = send(&service, Request::get("/hang"), "").await;
        assert_eq!(head.status, StatusCode::REQUEST_TIMEOUT);
        let (head, body) = send(&service, Request::get("/"), "").await;
        assert_eq!((head.status, &*body), (StatusCode::OK, TEXT.as_bytes()));
    }

    async fn trace(service) {
        let (head, body) = send(&service, Request::post("/"), "short").await;
        assert_eq!((head.status, &*body), (StatusCode::OK, TEXT.as_bytes()));
    }

    /// Checks a stack of all layers but decompression.
    async fn all(service) {
        compression(service.clone()).await;
        cors(service.clone()).await;
        request_body_limit(service.clone()).await;
        set_request_id(service.clone()).await;
        timeout(service.clone()).await;
        catch_panic(service).await;
    }
}
