//! What the check of a token costs: remembered, and verified, beside the check of the signature alone.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response, header};
use http_body_util::Empty;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use meshless::jwt::{Jwks, JwtLayer, JwtPolicy, JwtRule};
use serde_json::Value;
use tower::{Layer, Service};

#[derive(Clone)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Empty::new())))
    }
}

/// Keys, and a token of 2,048-bit RSA, as Envoy was given them.
fn recorded() -> (String, String) {
    let all: Value = serde_json::from_str(include_str!("../tests/vectors/envoy_jwt.json")).unwrap();
    let cases = all["cases"].as_array().unwrap();
    let good = cases.iter().find(|case| case["name"] == "good").unwrap();
    let bearer = good["headers"][0][1].as_str().unwrap();
    let keys = all["jwks"]["one"].as_str().unwrap();
    (keys.to_owned(), bearer.to_owned())
}

fn call<S: Service<Request<()>>>(service: &mut S, bearer: Option<&str>) {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert(header::HOST, "a.example".parse().unwrap());
    if let Some(bearer) = bearer {
        headers.insert(header::AUTHORIZATION, bearer.parse().unwrap());
    }
    let future = std::pin::pin!(service.call(request));
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(black_box(polled.is_ready()));
}

fn token(c: &mut Criterion) {
    let (keys, bearer) = recorded();
    let rule = || JwtRule::new("i", Jwks::from_json(&keys).unwrap());
    let mut group = c.benchmark_group("jwt");
    group.bench_function("clock", |b| b.iter(|| black_box(SystemTime::now())));
    group.bench_function("no layer", |b| b.iter(|| call(&mut Inner, Some(&bearer))));
    let mut layered = JwtLayer::new(JwtPolicy::new([rule()])).layer(Inner);
    group.bench_function("no token", |b| b.iter(|| call(&mut layered, None)));
    group.bench_function("remembered", |b| {
        b.iter(|| call(&mut layered, Some(&bearer)));
    });
    let policy = JwtPolicy::new([rule()]).with_cache(0);
    let mut forgetful = JwtLayer::new(policy).layer(Inner);
    group.bench_function("verified", |b| {
        b.iter(|| call(&mut forgetful, Some(&bearer)));
    });
    let set: JwkSet = serde_json::from_str(&keys).unwrap();
    let key = DecodingKey::from_jwk(&set.keys[0]).unwrap();
    let (message, signature) = bearer["Bearer ".len()..].rsplit_once('.').unwrap();
    group.bench_function("signature alone", |b| {
        b.iter(|| {
            let message = black_box(message.as_bytes());
            let is_good = jsonwebtoken::crypto::verify(signature, message, &key, Algorithm::RS256);
            assert!(is_good.unwrap());
        });
    });
    group.finish();
}

criterion_group!(benches, token);
criterion_main!(benches);
