//! One version or another: by what is asked for, by weight, by user.

mod actions;
mod choice;
mod life;
mod matching;
mod stickiness;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};

use http::{HeaderName, HeaderValue, Request, Response};
use meshless::traffic_split::{Destination, RoutedBody, TrafficSplitLayer, TrafficSplitPolicy};
use tower::{Layer, Service, service_fn};

use crate::support::{Script, call};

fn v1() -> Destination {
    Destination::new("waste").with_subset("v1")
}

fn v2() -> Destination {
    Destination::new("waste").with_subset("v2")
}

fn request(uri: &str) -> Request<()> {
    Request::builder().uri(uri).body(()).unwrap()
}

fn with(mut request: Request<()>, name: &str, value: &str) -> Request<()> {
    let name: HeaderName = name.parse().unwrap();
    request
        .headers_mut()
        .append(name, HeaderValue::from_str(value).unwrap());
    request
}

/// What reached the upstream.
type Seen = Arc<Mutex<Vec<Request<()>>>>;

/// Writes down what it gets, and answers with `x-to: upstream`.
fn recorder(
    seen: &Seen,
) -> impl Service<
    Request<()>,
    Response = Response<Script>,
    Error = Infallible,
    Future = Ready<Result<Response<Script>, Infallible>>,
> + Clone {
    let seen = Arc::clone(seen);
    service_fn(move |request: Request<()>| {
        seen.lock().unwrap().push(request);
        let response = Response::builder().header("x-to", "upstream");
        ready(Ok(response.body(Script::default()).unwrap()))
    })
}

/// Sends one request through the layer, and returns what the upstream got, if it got anything, and
/// the response.
async fn through(
    policy: TrafficSplitPolicy,
    request: Request<()>,
) -> (Option<Request<()>>, Response<RoutedBody<Script>>) {
    let seen = Seen::default();
    let mut service = TrafficSplitLayer::new(policy).layer(recorder(&seen));
    let response = call(&mut service, request).await.unwrap();
    let received = seen.lock().unwrap().pop();
    (received, response)
}

/// Returns the subset that a request goes to.
async fn subset(policy: &TrafficSplitPolicy, request: Request<()>) -> Option<String> {
    let (received, _) = through(policy.clone(), request).await;
    Some(Destination::of(&received?)?.subset()?.to_owned())
}
