//! Gates and a service that do as they are told, and write down what they hear.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use meshless::concurrency_limit::Overflow;
use meshless::gate::{Admission, Gate, Ticket};
use meshless::gate::{RequestHead, ResponseHead};
use meshless::outcome::GrpcStatus;
use meshless::{Failure, Outcome, Rejection};
use tower::Service;

use crate::support::Script;

/// What happened, and to whom: a gate's letter, or `-` for the service.
pub(super) type Log = Arc<Mutex<Vec<(char, String)>>>;

pub(super) fn note(log: &Log, who: char, what: impl Debug) {
    log.lock().unwrap().push((who, format!("{what:?}")));
}

/// What a gate does with its request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Will {
    Admit { hears: bool },
    Panic,
    Reject,
    Wait { polls: u8, then: Then },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    Admit,
    Panic,
    Reject,
}

#[derive(Clone, Debug)]
pub(super) struct Scripted {
    pub(super) log: Log,
    pub(super) name: char,
    pub(super) will: Will,
}

const FULL: Rejection = Rejection::Overflow(Overflow::Pending(1));

impl Scripted {
    fn ticket(&self, hears: bool) -> Noted {
        let (log, name) = (Arc::clone(&self.log), self.name);
        Noted { hears, log, name }
    }

    fn name(&self, prefix: &str) -> http::HeaderName {
        format!("{prefix}-{}", self.name).parse().unwrap()
    }
}

impl Gate for Scripted {
    type Ticket = Noted;
    type Wait = Pin<Box<dyn Future<Output = Result<Noted, Rejection>>>>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Noted, Self::Wait> {
        note(&self.log, self.name, "asked");
        match self.will {
            Will::Admit { hears } => Admission::Admitted(self.ticket(hears)),
            Will::Panic => panic!("as planned"),
            Will::Reject => Admission::Rejected(FULL),
            Will::Wait { mut polls, then } => {
                let (this, waiting) = (self.clone(), self.ticket(false));
                Admission::Waiting(Box::pin(poll_fn(move |_| {
                    let _place = &waiting;
                    if polls > 0 {
                        polls -= 1;
                        return Poll::Pending;
                    }
                    match then {
                        Then::Admit => Poll::Ready(Ok(this.ticket(true))),
                        Then::Panic => panic!("as planned"),
                        Then::Reject => Poll::Ready(Err(FULL)),
                    }
                })))
            }
        }
    }

    fn write_headers(&self, _rejection: Rejection, headers: &mut HeaderMap) {
        headers.insert(self.name("rejected-by"), HeaderValue::from_static("1"));
    }
}

/// Writes down what it hears, and leaves its letter on the response.
#[derive(Debug)]
pub(super) struct Noted {
    hears: bool,
    log: Log,
    name: char,
}

#[derive(Clone, Debug)]
pub(super) struct Letters(String);

impl Ticket for Noted {
    fn on_outcome(&mut self, outcome: Outcome) {
        note(&self.log, self.name, outcome);
    }

    fn on_body_error(&mut self, failure: Failure) {
        note(&self.log, self.name, ("broken", failure));
    }

    fn on_response(&mut self, head: ResponseHead<'_>) {
        let mut names: Vec<_> = head.headers().keys().map(ToString::to_string).collect();
        names.sort();
        note(&self.log, self.name, (head.status(), names));
    }

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        let name: http::HeaderName = format!("passed-{}", self.name).parse().unwrap();
        headers.insert(name, HeaderValue::from_static("1"));
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        let letters = extensions.remove().unwrap_or(Letters(String::new()));
        extensions.insert(Letters(letters.0 + &self.name.to_string()));
    }

    fn wants_outcome(&self) -> bool {
        self.hears
    }

    /// Each has an opinion of its own.
    fn classify<E: 'static>(&self, error: &E) -> Outcome {
        Outcome::Failed(match self.name {
            'b' => Failure::Timeout,
            _ => Failure::of(error),
        })
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        note(&self.log, self.name, "end");
    }
}

/// How the service answers, after so many polls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Broken,
    Error,
    Grpc { in_head: bool, ends: bool },
    Panic,
    Status(u16),
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) answer: Answer,
    pub(super) log: Log,
    pub(super) polls: u8,
}

impl Server {
    fn answer(&self) -> Result<Response<Script>, io::Error> {
        let body = Script::default().data("hello");
        let mut response = match self.answer {
            Answer::Broken => Response::new(body.fail()),
            Answer::Error => return Err(io::ErrorKind::ConnectionReset.into()),
            Answer::Panic => panic!("as planned"),
            Answer::Status(_) => Response::new(body),
            Answer::Grpc { in_head, ends } => {
                let status = HeaderMap::from_iter([(
                    "grpc-status".parse().unwrap(),
                    HeaderValue::from(u16::from(GrpcStatus::UNAVAILABLE.code())),
                )]);
                let trailers = if ends {
                    status.clone()
                } else {
                    HeaderMap::new()
                };
                let mut response = Response::new(body.trailers(trailers));
                let grpc = HeaderValue::from_static("application/grpc");
                response.headers_mut().insert(header::CONTENT_TYPE, grpc);
                if in_head {
                    response.headers_mut().extend(status);
                }
                response
            }
        };
        if let Answer::Status(status) = self.answer {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
        }
        Ok(response)
    }
}

impl Service<Request<()>> for Server {
    type Response = Response<Script>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, io::Error>>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        note(&self.log, '-', "called");
        let (this, mut polls) = (self.clone(), self.polls);
        let under_way = Noted {
            hears: false,
            log: Arc::clone(&self.log),
            name: '-',
        };
        Box::pin(poll_fn(move |_| {
            let _under_way = &under_way;
            if polls > 0 {
                polls -= 1;
                return Poll::Pending;
            }
            Poll::Ready(this.answer())
        }))
    }
}
