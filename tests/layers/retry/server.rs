//! A server with a script, which remembers what arrived.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::Service;

use crate::support::Script;

/// What the server does with one request.
#[derive(Debug)]
pub(crate) enum Step {
    Answer(Response<Script>),
    Fail(ErrorKind),
    /// Reads so many frames of the request before the step that follows.
    Read(usize, Box<Step>),
    Hang,
    /// Takes its time before the step that follows.
    Wait(Duration, Box<Step>),
}

impl Step {
    pub(crate) fn status(code: u16) -> Self {
        let response = Response::builder().status(code);
        Self::Answer(response.body(Script::default()).unwrap())
    }

    fn again(&self) -> Self {
        match self {
            Self::Answer(response) => {
                let mut answer = Response::new(Script::default());
                *answer.status_mut() = response.status();
                *answer.headers_mut() = response.headers().clone();
                Self::Answer(answer)
            }
            Self::Fail(kind) => Self::Fail(*kind),
            Self::Read(frames, then) => Self::Read(*frames, Box::new(then.again())),
            Self::Hang => Self::Hang,
            Self::Wait(duration, then) => Self::Wait(*duration, Box::new(then.again())),
        }
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) body: Result<Vec<u8>, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) hint: Option<u64>,
    pub(crate) trailers: Option<HeaderMap>,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    always: Arc<Mutex<Step>>,
    script: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Does these steps, then answers 200.
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            ..Self::always(Step::status(200))
        }
    }

    pub(crate) fn always(step: Step) -> Self {
        Self {
            always: Arc::new(Mutex::new(step)),
            script: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// How many requests arrived.
    pub(crate) fn seen(&self) -> usize {
        self.requests().len()
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The value of a header in each request.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let value = |seen: &Seen| seen.headers.get(name)?.to_str().ok().map(str::to_owned);
        self.requests()
            .iter()
            .map(|s| value(s).unwrap_or_default())
            .collect()
    }

    /// The time between one request and the next.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        let requests = self.requests();
        requests
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .collect()
    }
}

impl<B> Service<Request<B>> for Server
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = Response<Script>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Script>>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let next = self.script.lock().unwrap().pop_front();
        let mut step = next.unwrap_or_else(|| self.always.lock().unwrap().again());
        let index = self.seen();
        self.seen.lock().unwrap().push(Seen {
            at: Instant::now(),
            body: Ok(Vec::new()),
            headers: head.headers,
            hint: body.size_hint().exact(),
            trailers: None,
        });
        let seen = Arc::clone(&self.seen);
        Box::pin(async move {
            let mut body = Box::pin(body);
            loop {
                step = match step {
                    Step::Answer(response) => return Ok(response),
                    Step::Fail(kind) => return Err(kind.into()),
                    Step::Hang => std::future::pending().await,
                    Step::Read(frames, then) => {
                        for _ in 0..frames {
                            let Some(frame) = body.frame().await else {
                                break;
                            };
                            let seen = &mut seen.lock().unwrap()[index];
                            match frame {
                                Ok(frame) if frame.is_data() => {
                                    let data = frame.into_data().unwrap();
                                    if let Ok(body) = &mut seen.body {
                                        body.extend_from_slice(&data);
                                    }
                                }
                                Ok(frame) => seen.trailers = frame.into_trailers().ok(),
                                Err(error) => {
                                    seen.body = Err(error.to_string());
                                    return Err(ErrorKind::BrokenPipe.into());
                                }
                            }
                        }
                        *then
                    }
                    Step::Wait(duration, then) => {
                        tokio::time::sleep(duration).await;
                        *then
                    }
                };
            }
        })
    }
}

/// A gRPC answer whose status is in its head.
pub(crate) fn grpc(code: u8) -> Response<Script> {
    let mut response = Response::new(Script::default());
    *response.status_mut() = StatusCode::OK;
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response.headers_mut().extend(status(code));
    response
}

pub(crate) fn status(code: u8) -> HeaderMap {
    HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from(u16::from(code)),
    )])
}
