//! A server that is told how each try ends.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Empty;
use meshless::Failure;
use meshless::retry::{ReplayBody, RetryLayer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

pub(super) type Answer = Result<Response<Empty<Bytes>>, Reset>;
pub(super) type Call = (Instant, oneshot::Sender<Answer>);

/// What Envoy calls a reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reset(pub(super) Failure);

/// Sends a request through `layer` to a server that waits to be told how each try ends.
pub(super) fn send(
    layer: &RetryLayer,
    method: Method,
) -> (JoinHandle<()>, mpsc::UnboundedReceiver<Call>) {
    let (calls, received) = mpsc::unbounded_channel();
    let inner = service_fn(move |_: Request<ReplayBody<Empty<Bytes>>>| {
        let (answer, answered) = oneshot::channel();
        calls.send((Instant::now(), answer)).unwrap();
        async move { answered.await.unwrap() }
    });
    let service = layer.layer(inner);
    let mut request = Request::new(Empty::new());
    *request.method_mut() = method;
    let task = tokio::spawn(async move {
        drop(service.oneshot(request).await);
    });
    (task, received)
}

pub(super) fn response<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Response<Empty<Bytes>> {
    let mut response = Response::builder();
    for (name, value) in headers {
        response = match name {
            ":status" => response.status(value),
            _ => response.header(name, value),
        };
    }
    response.body(Empty::new()).unwrap()
}

/// A request that is being tried.
pub(super) struct Tries {
    calls: mpsc::UnboundedReceiver<Call>,
    pending: Option<Call>,
    task: JoinHandle<()>,
}

impl Tries {
    pub(super) async fn begin(layer: &RetryLayer, method: Method) -> Self {
        let (task, mut calls) = send(layer, method);
        let pending = calls.recv().await;
        Self {
            calls,
            pending,
            task,
        }
    }

    /// Lets the try that is under way end so; returns after how long there is another.
    pub(super) async fn end(&mut self, answer: Answer) -> Option<Duration> {
        let ended = Instant::now();
        let (_, pending) = self.pending.take().unwrap();
        pending.send(answer).unwrap();
        // The channel closes with the service, which goes when the answer is there.
        self.pending = self.calls.recv().await;
        self.pending.as_ref().map(|(begun, _)| *begun - ended)
    }
}

impl Drop for Tries {
    fn drop(&mut self) {
        self.task.abort();
    }
}
