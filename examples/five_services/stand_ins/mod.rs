//! Stand-ins for the three external APIs: HTTP servers on loopback that do what a script says, and
//! remember what reached them.

mod kakao;
mod line;
mod openai;
mod roboflow;
mod script;

pub(crate) use kakao::kakao;
pub(crate) use openai::openai;
pub(crate) use roboflow::roboflow;
pub(crate) use script::{Fault, Script};

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::recorder::Recorder;
use line::{Line, ResetOnDrop};

/// What a stand-in answers when nothing goes wrong, from the request's path and body.
type Answer = fn(&str, &Value) -> Value;

/// An external API that runs on this machine; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    address: SocketAddr,
    server: StandInServer,
    _task: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct StandInServer {
    answer: Answer,
    recorder: Recorder,
    script: Script,
}

impl StandIn {
    async fn start(answer: Answer) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = StandInServer {
            answer,
            recorder: Recorder::default(),
            script: Script::default(),
        };
        let mut task = JoinSet::new();
        task.spawn(server.clone().run(listener));
        Ok(Self {
            address,
            server,
            _task: task,
        })
    }

    /// Where it listens, as a URL without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port that it listens on.
    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// What reached it.
    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.server.recorder
    }

    /// What goes wrong with it.
    pub(crate) const fn script(&self) -> &Script {
        &self.server.script
    }
}

impl StandInServer {
    async fn run(self, listener: TcpListener) {
        // Connections end with the server.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            while connections.try_join_next().is_some() {}
            connections.spawn(self.clone().connection(stream));
        }
    }

    async fn connection(self, stream: TcpStream) {
        let (line, reset) = Line::new(stream);
        let service = service_fn(|request| self.clone().serve(request, reset.clone()));
        let connection = hyper::server::conn::http1::Builder::new();
        // An error here is the fault that the script asked for, or a caller that went away.
        let _ = connection
            .serve_connection(TokioIo::new(line), service)
            .await;
    }

    async fn serve(
        self,
        request: Request<Incoming>,
        reset: ResetOnDrop,
    ) -> io::Result<Response<Full<Bytes>>> {
        if self.script.obey(request.uri().path()) {
            return Ok(respond(StatusCode::OK, &json!("as you wish")));
        }
        let visit = self.recorder.arrive(&request);
        let fault = self.script.fault();
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await;
        let body = body.map_err(io::Error::other)?.to_bytes();
        let response = match fault {
            None => self.answer(&path, &body),
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                self.answer(&path, &body)
            }
            Some(Fault::Hang) => pending().await,
            Some(Fault::Reset) => {
                reset.arm();
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Some(Fault::Status(status)) => trouble(status),
            Some(Fault::TooMany(seconds)) => {
                let mut response = trouble(StatusCode::TOO_MANY_REQUESTS);
                let seconds = HeaderValue::from(seconds);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
                response
            }
        };
        visit.answered(response.status());
        Ok(response)
    }

    fn answer(&self, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        respond(StatusCode::OK, &(self.answer)(path, &body))
    }
}

fn trouble(status: StatusCode) -> Response<Full<Bytes>> {
    respond(status, &json!({ "error": status.canonical_reason() }))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
