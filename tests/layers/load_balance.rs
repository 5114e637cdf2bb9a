//! Who gets which request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use meshless::load_balance::EndpointObserver;
use meshless::load_balance::{
    HashCookie, HashPolicy, LoadBalance, LoadBalanceLayer, LoadBalancePolicy, SlowStart,
};
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Endpoint, Endpoints, Failure, Outcome, Percent, Rejection};
use tower::{Layer, Service};

use crate::support::{Script, call, start};

mod choice;
mod life;
mod sticky;

const SECOND: Duration = Duration::from_secs(1);

fn endpoint(address: &str) -> Endpoint {
    Endpoint::try_from(address).unwrap()
}

/// So many endpoints, all alike.
fn endpoints(count: usize) -> Endpoints {
    Endpoints::fixed((0..count).map(|n| endpoint(&format!("10.0.0.{n}:80"))))
}

fn weighted(weights: &[u32]) -> Endpoints {
    let weights = weights.iter().enumerate();
    Endpoints::fixed(weights.map(|(n, w)| endpoint(&format!("10.0.0.{n}:80")).with_weight(*w)))
}

fn request() -> Request<Empty<Bytes>> {
    Request::get("http://users/path")
        .body(Empty::new())
        .unwrap()
}

/// The address that a request was sent to, and its `Host`.
type Seen = (String, Option<String>);

/// A client that answers with the host and the address that it was sent to.
#[derive(Clone, Debug, Default)]
struct Echo {
    hang: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
    statuses: Arc<Mutex<Vec<StatusCode>>>,
}

impl Echo {
    /// How often each address was asked.
    fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (address, _) in self.seen.lock().unwrap().iter() {
            *counts.entry(address.clone()).or_default() += 1;
        }
        counts
    }

    fn addresses(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(address, _)| address.clone()).collect()
    }

    /// Answers the next requests with these statuses, the last of them first.
    fn will(&self, statuses: &[StatusCode]) {
        self.statuses.lock().unwrap().extend(statuses);
    }
}

impl<B> Service<Request<B>> for Echo {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let address = request.uri().authority().map(ToString::to_string);
        let host = request.headers().get(header::HOST);
        let host = host.map(|host| host.to_str().unwrap().to_owned());
        let mut seen = self.seen.lock().unwrap();
        seen.push((address.unwrap_or_default(), host));
        let status = self.statuses.lock().unwrap().pop();
        let hang = self.hang.load(Ordering::Relaxed);
        Box::pin(async move {
            if hang {
                std::future::pending::<()>().await;
            }
            let mut response = Response::new(Script::default().data("hello"));
            *response.status_mut() = status.unwrap_or_default();
            Ok(response)
        })
    }
}

/// Tries again whatever comes, at once.
fn retry(attempts: u32) -> RetryLayer {
    let on = RetryOn::parse("5xx").unwrap();
    let policy = RetryPolicy::default()
        .with_attempts(attempts)
        .with_retry_on(on);
    RetryLayer::new(policy.with_backoff(Backoff::constant(Duration::ZERO)))
}

/// Takes note of what it is told.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<(Endpoint, Outcome)>>>);

impl EndpointObserver for Notes {
    fn report(&self, endpoint: &Endpoint, outcome: Outcome) {
        self.0.lock().unwrap().push((endpoint.clone(), outcome));
    }
}

impl Notes {
    fn outcomes(&self) -> Vec<Outcome> {
        let notes = self.0.lock().unwrap();
        notes.iter().map(|(_, outcome)| *outcome).collect()
    }
}

/// Sends so many requests, each when the one before has ended.
async fn send_many(layer: &LoadBalanceLayer, count: usize) -> BTreeMap<String, u64> {
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    for _ in 0..count {
        drop(call(&mut service, request()).await.unwrap());
    }
    echo.counts()
}

/// Chooses so often, and lets go of each before the next.
fn choose_many(layer: &LoadBalanceLayer, count: usize) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for _ in 0..count {
        let ticket = layer.choose().unwrap();
        let address = ticket.endpoint().unwrap().address().to_string();
        *counts.entry(address).or_default() += 1;
    }
    counts
}

/// Asserts by a chi-square test that counts come from these shares; the bound is passed by chance
/// once in 10,000 times, and the seed is fixed.
#[expect(clippy::cast_precision_loss, reason = "counts in tests are small")]
fn assert_shares(counts: &BTreeMap<String, u64>, shares: &[f64]) {
    const BOUNDS: [f64; 12] = [
        15.1, 18.4, 21.1, 23.5, 25.7, 27.9, 29.9, 31.8, 33.7, 35.6, 37.4, 39.1,
    ];
    let total: u64 = counts.values().sum();
    let sum: f64 = shares.iter().sum();
    let mut chi = 0.0;
    for (n, share) in shares.iter().enumerate() {
        let count = counts.get(&format!("10.0.0.{n}:80")).copied().unwrap_or(0);
        let expected = total as f64 * share / sum;
        if expected == 0.0 {
            assert_eq!(count, 0, "{counts:?}");
            continue;
        }
        chi += (count as f64 - expected).powi(2) / expected;
    }
    let bound = BOUNDS[shares.iter().filter(|share| **share > 0.0).count() - 2];
    assert!(chi < bound, "{chi} for {counts:?}, not {shares:?}");
}
