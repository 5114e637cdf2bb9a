//! Several endpoints over real connections: which of them gets a request, what becomes of it, and that
//! nothing is left.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::rt::TokioExecutor;
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy, SlowStart};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::{Endpoint, Endpoints, Percent, Rejection};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Server, transport, until};

mod change;
mod faults;
mod load;

/// Which client is at the bottom.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Hyper,
    Reqwest,
}

const KINDS: [Kind; 2] = [Kind::Hyper, Kind::Reqwest];

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
enum End {
    Answered(StatusCode, Bytes),
    /// Its response broke off.
    Broken,
    Failed,
    Refused(Rejection),
}

impl End {
    /// The text of a good answer.
    fn text(&self) -> &str {
        match self {
            Self::Answered(StatusCode::OK, text) => std::str::from_utf8(text).unwrap(),
            end => unreachable!("{end:?}"),
        }
    }
}

type Call = BoxCloneSyncService<Request<Full<Bytes>>, End, Infallible>;

/// Everything around a client that knows endpoints.
struct Stack {
    call: Call,
    detector: OutlierDetector,
    endpoints: Endpoints,
    limit: ConcurrencyLimitLayer,
}

impl Stack {
    /// Retries at once and as often as there is reason to, and ejects after three failures in a row.
    fn new(kind: Kind, endpoints: Endpoints) -> Self {
        let policy = RetryPolicy::new(5)
            .with_retry_on(RetryOn::parse("5xx").unwrap())
            .with_backoff(Backoff::constant(Duration::ZERO))
            .with_budget(RetryBudget::unlimited())
            .with_per_try_timeout(Duration::from_secs(1));
        Self::with(kind, endpoints, policy)
    }

    fn with(kind: Kind, endpoints: Endpoints, policy: RetryPolicy) -> Self {
        let ejection = OutlierDetectionPolicy::default()
            .with_consecutive_5xx(3)
            .with_max_ejection_percent(Percent::ALL);
        let detector = OutlierDetector::new(ejection, endpoints.clone());
        let balance = LoadBalancePolicy::default().with_slow_start(SlowStart::off());
        let balance = LoadBalanceLayer::new(balance, endpoints.clone());
        let balance = balance.with_endpoint_observer(detector.clone());
        let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(10_000));
        let layers = (RetryLayer::new(policy), limit.clone(), balance);
        let call = match kind {
            Kind::Hyper => boxed(layers.layer(Hyper::builder(TokioExecutor::new()).build_http())),
            Kind::Reqwest => boxed(layers.layer(transport())),
        };
        Self {
            call,
            detector,
            endpoints,
            limit,
        }
    }

    async fn send(&self, method: Method, path: &str) -> End {
        send(self.call.clone(), method, path).await
    }

    async fn get(&self) -> End {
        self.send(Method::GET, "/").await
    }

    /// Asserts that no request is counted anywhere any more.
    async fn assert_settled(&self, gone: &[Endpoint]) {
        let all: Vec<_> = self.endpoints.to_vec();
        let in_flight = || all.iter().chain(gone).map(Endpoint::in_flight).sum::<u32>();
        until(|| in_flight() == 0 && self.limit.in_flight() == 0).await;
    }
}

async fn send(call: Call, method: Method, path: &str) -> End {
    let body = if method == Method::GET { "" } else { "body" };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://users{path}"))
        .body(Full::from(body))
        .unwrap();
    call.oneshot(request).await.unwrap()
}

fn boxed<S, R>(service: S) -> Call
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Send,
    R: Body<Data = Bytes> + Send,
{
    BoxCloneSyncService::new(service_fn(move |request| {
        let service = service.clone();
        async move { Ok(exchange(service, request).await) }
    }))
}

async fn exchange<S, R>(service: S, request: Request<Full<Bytes>>) -> End
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    let Ok(response) = service.oneshot(request).await else {
        return End::Failed;
    };
    if let Some(rejection) = Rejection::of(&response) {
        return End::Refused(*rejection);
    }
    let status = response.status();
    match response.into_body().collect().await {
        Ok(body) => End::Answered(status, body.to_bytes()),
        Err(_) => End::Broken,
    }
}

/// A good server, which can be told to keep requests for `/held` until it is told to let them go.
struct Good {
    held: Arc<Semaphore>,
    served: Arc<AtomicUsize>,
    server: Server,
    started: Arc<AtomicUsize>,
}

impl Good {
    async fn start() -> Self {
        Self::named("good", Duration::ZERO).await
    }

    /// Answers with its name, after a while.
    async fn named(name: &'static str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, name, delay)
    }

    fn on(listener: TcpListener, name: &'static str, delay: Duration) -> Self {
        let held = Arc::new(Semaphore::new(0));
        let (answers, started) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let router = {
            let (held, started) = (Arc::clone(&held), Arc::clone(&started));
            let (quick, slow) = (Arc::clone(&answers), Arc::clone(&answers));
            Router::new()
                .route(
                    "/",
                    any(async move || {
                        if !delay.is_zero() {
                            tokio::time::sleep(delay).await;
                        }
                        quick.fetch_add(1, Ordering::SeqCst);
                        name
                    }),
                )
                .route(
                    "/held",
                    any(async move || {
                        started.fetch_add(1, Ordering::SeqCst);
                        held.acquire().await.unwrap().forget();
                        slow.fetch_add(1, Ordering::SeqCst);
                        name
                    }),
                )
        };
        let server = Server::on(listener, |listener, stopped| async move {
            let serving = axum::serve(listener, router);
            serving.with_graceful_shutdown(stopped).await.unwrap();
        });
        Self {
            held,
            served: answers,
            server,
            started,
        }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    fn let_go(&self, requests: usize) {
        self.held.add_permits(requests);
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    async fn stop(self) {
        self.server.stop().await;
    }
}

/// A port that nobody listens at.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Asserts that the tasks of clients and servers are over.
async fn assert_no_tasks(before: usize) {
    let metrics = Handle::current().metrics();
    until(|| metrics.num_alive_tasks() <= before).await;
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
