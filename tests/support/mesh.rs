//! Upstream in memory that remembers what it was asked, documents and folders.

mod documents;
mod folder;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use meshless::Rejection;
use meshless::mesh::RequestBody;
use tower::{Service, ServiceExt};

pub(crate) use documents::{destination_rule, document, gateway, service_entry, virtual_service};
pub(crate) use folder::Folder;

pub(crate) type Text = Full<Bytes>;

/// Says which status a URI gets, and after which time.
type Answers = dyn Fn(&str) -> (u16, Duration) + Send + Sync;

/// Answers whoever is addressed; clones are the same.
#[derive(Clone)]
pub(crate) struct Upstream {
    answers: Arc<Answers>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Answers with the status that the function says for a URI; nobody is there if it is 0.
    pub(crate) fn new(answers: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        Self::timed(move |uri| (answers(uri), Duration::ZERO))
    }

    /// Answers with a status, after a time.
    pub(crate) fn timed(answers: impl Fn(&str) -> (u16, Duration) + Send + Sync + 'static) -> Self {
        Self {
            answers: Arc::new(answers),
            asked: Arc::default(),
        }
    }

    /// The URIs that it was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked().len()
    }
}

impl Service<Request<RequestBody<Text>>> for Upstream {
    type Response = Response<Text>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Text>, io::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Text>>) -> Self::Future {
        let uri = request.uri().to_string();
        let (status, after) = (self.answers)(&uri);
        self.asked.lock().unwrap().push(uri);
        Box::pin(async move {
            tokio::time::sleep(after).await;
            if status == 0 {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let mut response = Response::new(Full::from("hello"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(response)
        })
    }
}

pub(crate) fn get(uri: &str) -> Request<Text> {
    Request::get(uri).body(Full::default()).unwrap()
}

/// Sends a request, reads the answer to its end, and returns status and rejection.
pub(crate) async fn send<S, R>(service: &S, request: Request<Text>) -> (u16, Option<Rejection>)
where
    S: Service<Request<Text>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let response = service.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let rejection = Rejection::of(&response).copied();
    response.into_body().collect().await.unwrap();
    (status, rejection)
}

/// Sends so many requests one after another, and returns their statuses.
pub(crate) async fn statuses<S, R>(service: &S, uri: &str, count: usize) -> Vec<u16>
where
    S: Service<Request<Text>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(send(service, get(uri)).await.0);
    }
    all
}

/// Where the two versions of the service listen, and how their pods are told apart.
pub(crate) const VERSIONS: &str = "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: waste-service}
spec:
  hosts: [waste-service]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
  - {address: 10.0.0.1, labels: {version: v1}}
  - {address: 10.0.0.2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: waste-versions}
spec:
  host: waste-service
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
";
