//! How the failures of each client are recognised: the table, and what no table can hold.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshless::client::Transport;
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
use meshless::outcome::BoxError;
use meshless::pool::{Pool, PoolPolicy};
use meshless::{Failure, Outcome};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::Endpoint;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::faults::{Fault, Faulty, Protocol};

/// How long a client waits for a connection: not long where none will come.
const fn connect_timeout(fault: Fault) -> Duration {
    match fault {
        Fault::Deaf => Duration::from_millis(100),
        _ => Duration::from_secs(30),
    }
}

/// What a policy around a client hears.
#[derive(Clone, Debug, Default)]
struct Hears(Arc<Mutex<Option<Failure>>>);

impl Hears {
    fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap().take()
    }
}

impl Ticket for Hears {
    fn on_outcome(&mut self, outcome: Outcome) {
        if let Outcome::Failed(failure) = outcome {
            self.on_body_error(failure);
        }
    }

    fn on_body_error(&mut self, failure: Failure) {
        *self.0.lock().unwrap() = Some(failure);
    }
}

impl Gate for Hears {
    type Ticket = Self;
    type Wait = NoQueue<Self>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Self, NoQueue<Self>> {
        Admission::Admitted(self.clone())
    }
}

/// Sends a request through `client`, reads the response to its end, and returns what a policy
/// around the client heard.
async fn send<S, B, R>(client: S, uri: &str) -> Option<Failure>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    B: Default,
    R: Body<Data = Bytes, Error: 'static>,
{
    let hears = Hears::default();
    let request = Request::get(uri).body(B::default()).unwrap();
    if let Ok(response) = Gated::new(client, hears.clone()).oneshot(request).await {
        let _ = response.into_body().collect().await;
    }
    hears.take()
}

/// As [`send`]; for a fault of a connection that is reused, once it has answered a request.
async fn heard<S, B, R>(client: S, fault: Fault, uri: String) -> Option<Failure>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    B: Default,
    R: Body<Data = Bytes, Error: 'static>,
{
    if matches!(fault, Fault::ClosedWhenReused) {
        assert_eq!(send(client.clone(), &uri).await, None, "it is answered");
    }
    send(client, &uri).await
}

/// Opens a connection with TLS, which trusts nobody.
async fn tls(uri: Uri) -> io::Result<TokioIo<TcpStream>> {
    let stream = TcpStream::connect(uri.authority().unwrap().as_str()).await?;
    let config = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    Ok(TokioIo::new(stream.into_inner().0))
}

async fn with_reqwest(fault: Fault, protocol: Protocol) -> Option<Failure> {
    let faulty = Faulty::start(fault, protocol).await;
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(connect_timeout(fault));
    if protocol == Protocol::Http2 {
        builder = builder.http2_prior_knowledge();
    }
    let uri = faulty.uri();
    if fault.is_tls() {
        builder = builder.connector_layer(Handshake::layer(uri.parse().unwrap()));
    }
    let transport = Transport::build(builder).unwrap();
    let heard = heard::<_, Empty<Bytes>, _>(transport, fault, uri).await;
    faulty.stop().await;
    heard
}

async fn with_hyper_util(fault: Fault, protocol: Protocol) -> Option<Failure> {
    let faulty = Faulty::start(fault, protocol).await;
    let mut builder = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    builder.http2_only(protocol == Protocol::Http2);
    let uri = faulty.uri();
    let heard = if fault.is_tls() {
        let client = builder.build(service_fn(|uri| Box::pin(tls(uri))));
        heard::<_, Empty<Bytes>, _>(client, fault, uri).await
    } else {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout(fault)));
        heard::<_, Empty<Bytes>, _>(builder.build(connector), fault, uri).await
    };
    faulty.stop().await;
    heard
}

async fn with_pool(fault: Fault, protocol: Protocol) -> Option<Failure> {
    let faulty = Faulty::start(fault, protocol).await;
    let policy = PoolPolicy::default()
        .with_connect_timeout(connect_timeout(fault))
        .with_http2(protocol == Protocol::Http2);
    let uri = faulty.uri();
    let pool = if fault.is_tls() {
        Pool::new(policy, service_fn(|uri| Box::pin(tls(uri))))
    } else {
        Pool::http(policy)
    };
    let heard = heard::<_, Empty<Bytes>, _>(pool, fault, uri).await;
    faulty.stop().await;
    heard
}

async fn with_tonic(fault: Fault) -> Option<Failure> {
    let faulty = Faulty::start(fault, Protocol::Http2).await;
    let uri = faulty.uri();
    let endpoint = Endpoint::from_shared(uri.clone())
        .unwrap()
        .connect_timeout(connect_timeout(fault));
    let channel = if fault.is_tls() {
        endpoint.connect_with_connector_lazy(service_fn(tls))
    } else {
        endpoint.connect_lazy()
    };
    let heard = heard::<_, tonic::body::Body, _>(channel, fault, uri).await;
    faulty.stop().await;
    heard
}

/// A layer around the connector of reqwest, which knows no TLS in this build: it shakes hands on a
/// connection of its own, and wraps the error as hyper-rustls does.
#[derive(Clone)]
struct Handshake<S> {
    inner: S,
    uri: Uri,
}

impl Handshake<()> {
    const fn layer(uri: Uri) -> Self {
        Self { inner: (), uri }
    }
}

impl<S> Layer<S> for Handshake<()> {
    type Service = Handshake<S>;

    fn layer(&self, inner: S) -> Handshake<S> {
        let uri = self.uri.clone();
        Handshake { inner, uri }
    }
}

impl<S, T> Service<T> for Handshake<S>
where
    S: Service<T, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let shake = tls(self.uri.clone());
        let connect = self.inner.call(target);
        Box::pin(async move {
            shake.await.map_err(io::Error::other)?;
            connect.await
        })
    }
}

/// What is expected of reqwest through `Transport`, of hyper-util's client and of tonic's channel; of a
/// pool, as of hyper-util's client. There is no HTTP/1 in tonic.
const TABLE: [(Fault, Protocol, [Option<Failure>; 3]); 25] = {
    use Failure::{Body, Closed, Connect, Dns, Other, RefusedStream, Reset, Tls};
    use Protocol::{Http1, Http2};
    [
        (Fault::Refused, Http1, [Some(Connect), Some(Connect), None]),
        (Fault::Deaf, Http1, [Some(Connect), Some(Connect), None]),
        (Fault::NoName, Http1, [Some(Dns), Some(Dns), None]),
        (Fault::TlsSpeaksPlain, Http1, [Some(Tls), Some(Tls), None]),
        (Fault::TlsBrokenOff, Http1, [Some(Tls), Some(Tls), None]),
        (Fault::TlsUntrusted, Http1, [Some(Tls), Some(Tls), None]),
        (Fault::Closed, Http1, [Some(Closed), Some(Closed), None]),
        (Fault::Reset, Http1, [Some(Reset), Some(Reset), None]),
        (
            Fault::ClosedWhenReused,
            Http1,
            [Some(Closed), Some(Closed), None],
        ),
        (Fault::BodyBreaksOff, Http1, [Some(Body), Some(Body), None]),
        (Fault::Garbage, Http1, [Some(Other), Some(Other), None]),
        (Fault::Refused, Http2, [Some(Connect); 3]),
        (Fault::Deaf, Http2, [Some(Connect); 3]),
        (Fault::NoName, Http2, [Some(Dns); 3]),
        (Fault::TlsSpeaksPlain, Http2, [Some(Tls); 3]),
        (Fault::TlsBrokenOff, Http2, [Some(Tls); 3]),
        (Fault::TlsUntrusted, Http2, [Some(Tls); 3]),
        (Fault::Closed, Http2, [Some(Closed); 3]),
        (Fault::Reset, Http2, [Some(Reset); 3]),
        (Fault::RefusedStream, Http2, [Some(RefusedStream); 3]),
        (Fault::GoAwayLeftOut, Http2, [Some(RefusedStream); 3]),
        (Fault::GoAwayTakenIn, Http2, [Some(Closed); 3]),
        (Fault::ResetStream, Http2, [Some(Reset); 3]),
        (Fault::BodyBreaksOff, Http2, [Some(Body); 3]),
        (Fault::Garbage, Http2, [Some(Other); 3]),
    ]
};

#[tokio::test]
async fn each_failure_of_each_client_is_recognised() {
    let mut seen = Vec::new();
    let mut expected = Vec::new();
    for (fault, protocol, row) in TABLE {
        let tonic = match protocol {
            Protocol::Http1 => None,
            Protocol::Http2 => with_tonic(fault).await,
        };
        let heard = [
            with_reqwest(fault, protocol).await,
            with_hyper_util(fault, protocol).await,
            with_pool(fault, protocol).await,
            tonic,
        ];
        seen.push(format!("{fault:?} {protocol:?} {heard:?}"));
        let [reqwest, hyper_util, tonic] = row;
        let row = [reqwest, hyper_util, hyper_util, tonic];
        expected.push(format!("{fault:?} {protocol:?} {row:?}"));
    }
    assert_eq!(seen, expected, "{seen:#?}");
}

#[tokio::test]
async fn a_connection_that_was_closed_before_it_is_reused_costs_nothing() {
    let faulty = Faulty::start(Fault::ClosedWhenIdle, Protocol::Http1).await;
    let uri = faulty.uri();
    let transport = Transport::build(reqwest::Client::builder().no_proxy()).unwrap();
    let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    for _ in 0..3 {
        // Both look whether it is still open, and send again by themselves what was not written.
        assert_eq!(
            send::<_, Empty<Bytes>, _>(transport.clone(), &uri).await,
            None
        );
        assert_eq!(send::<_, Empty<Bytes>, _>(hyper.clone(), &uri).await, None);
    }
    faulty.stop().await;
}

/// hyper-util would send it again by itself, on a new connection; here it is told not to.
#[tokio::test]
async fn what_is_not_written_to_a_connection_was_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    // A thread of its own: it closes while nothing in this runtime is polled.
    let (close, told) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let stream = answer_once(&listener).unwrap();
        told.recv().unwrap_err();
        drop(stream);
    });
    let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build_http();
    assert_eq!(send::<_, Empty<Bytes>, _>(hyper.clone(), &uri).await, None);
    drop(close);
    server.join().unwrap();

    // The connection's task is woken by the end, but this one goes on first and finds it in the pool.
    tokio::task::yield_now().await;
    let heard = send::<_, Empty<Bytes>, _>(hyper.clone(), &uri).await;
    assert_eq!(heard, Some(Failure::NotSent));
}

fn answer_once(listener: &std::net::TcpListener) -> io::Result<std::net::TcpStream> {
    use std::io::{Read, Write};

    let (mut stream, _) = listener.accept()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    Ok(stream)
}

#[tokio::test]
async fn a_timeout_of_the_client_itself_is_one() {
    const SHORT: Duration = Duration::from_millis(50);
    let faulty = Faulty::start(Fault::Silent, Protocol::Http1).await;
    let builder = reqwest::Client::builder().no_proxy().timeout(SHORT);
    let transport = Transport::build(builder).unwrap();
    let heard = send::<_, Empty<Bytes>, _>(transport, &faulty.uri()).await;
    assert_eq!(heard, Some(Failure::Timeout));
    faulty.stop().await;

    let faulty = Faulty::start(Fault::Silent, Protocol::Http2).await;
    let endpoint = Endpoint::from_shared(faulty.uri()).unwrap().timeout(SHORT);
    let heard = send::<_, tonic::body::Body, _>(endpoint.connect_lazy(), &faulty.uri()).await;
    assert_eq!(heard, Some(Failure::Timeout));
    faulty.stop().await;
}
