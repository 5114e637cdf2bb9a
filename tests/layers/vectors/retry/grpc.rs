use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use meshless::Percent;
use meshless::outcome::GrpcStatus;
use meshless::retry::{Backoff, ReplayBody, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use serde_json::Value;
use tokio_stream::StreamExt as _;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn grpc_retry() {
    let mut tally = Tally::default();
    for group in load("grpc_retry.json")["groups"].as_array().unwrap() {
        match group["name"].as_str().unwrap() {
            "unary_policy" => calls(group, RetryBudget::unlimited(), &mut tally).await,
            "throttling" => {
                let config = &group["config"];
                let tokens = config["max_tokens"].as_u64().unwrap().try_into().unwrap();
                let ratio = Percent::from_f64(config["token_ratio"].as_f64().unwrap() * 100.0);
                calls(group, RetryBudget::throttle(tokens, ratio), &mut tally).await;
            }
            "streaming" => {
                for case in group["cases"].as_array().unwrap() {
                    stream(case, &group["config"]).await;
                    tally.ran();
                }
            }
            _ => {
                for _ in group["cases"].as_array().unwrap() {
                    tally.skipped("outlier detection is not this layer's");
                }
            }
        }
    }
    tally.assert(18, 2);
}

fn code(name: &str) -> GrpcStatus {
    match name {
        "OK" => GrpcStatus::OK,
        "ALREADY_EXISTS" => GrpcStatus::ALREADY_EXISTS,
        "INTERNAL" => GrpcStatus::INTERNAL,
        "UNAVAILABLE" => GrpcStatus::UNAVAILABLE,
        name => panic!("{name}"),
    }
}

fn policy(config: &Value) -> RetryPolicy {
    let attempts: u32 = config["max_attempts"].as_u64().unwrap().try_into().unwrap();
    let retryable = code(config["retryable"][0].as_str().unwrap());
    RetryPolicy::new(attempts - 1)
        .with_retry_on(RetryOn::none().with_grpc_status(retryable))
        .with_backoff(Backoff::exponential(Duration::from_millis(10)))
}

/// A call whose messages come one after the other, as a caller sends them.
fn call(
    messages: &[usize],
) -> Request<impl http_body::Body<Data = Bytes, Error = Infallible> + use<>> {
    let messages: Vec<_> = messages
        .iter()
        .map(|len| Bytes::from(vec![b'x'; *len]))
        .collect();
    let frames = tokio_stream::iter(messages).map(|data| Ok(Frame::data(data)));
    let mut request = Request::new(StreamBody::new(frames));
    *request.method_mut() = Method::POST;
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", grpc);
    request
}

/// A response whose status is in its head.
fn trailers_only(status: GrpcStatus) -> Response<http_body_util::Empty<Bytes>> {
    let response = Response::builder().header("content-type", "application/grpc");
    let response = response.header("grpc-status", u16::from(status.code()));
    response.body(http_body_util::Empty::new()).unwrap()
}

/// Calls a server that answers by the number of the call; every second call is in the file.
async fn calls(group: &Value, budget: RetryBudget, tally: &mut Tally) {
    let config = &group["config"];
    let server = config["server"].clone();
    let index = Arc::new(Mutex::new(-1_i64));
    let counter = Arc::clone(&index);
    let inner = service_fn(move |_: Request<ReplayBody<_>>| {
        let mut index = counter.lock().unwrap();
        *index += 1;
        let listed = |key: &str| {
            let list = server[key].as_array();
            list.is_some_and(|list| list.iter().any(|i| i.as_i64() == Some(*index)))
        };
        let status = if listed("ok") {
            GrpcStatus::OK
        } else if listed("internal") {
            GrpcStatus::INTERNAL
        } else {
            code(server["else_"].as_str().unwrap())
        };
        async move { Ok::<_, Infallible>(trailers_only(status)) }
    });
    let mut service = RetryLayer::new(policy(config).with_budget(budget)).layer(inner);

    let cases = group["cases"].as_array().unwrap();
    for number in 0..cases.len() * 2 - 1 {
        let response = service
            .ready()
            .await
            .unwrap()
            .call(call(&[1]))
            .await
            .unwrap();
        let Some(case) = cases.iter().find(|c| c["name"] == format!("call{number}")) else {
            continue;
        };
        let expect = &case["expect"];
        let status = GrpcStatus::from_headers(response.headers());
        assert_eq!(
            status,
            Some(code(expect["code"].as_str().unwrap())),
            "{case}"
        );
        assert_eq!(
            expect["server_calls_index"],
            *index.lock().unwrap(),
            "{case}"
        );
        tally.ran();
    }
}

/// Plays one case of the streams: what the server does with each try.
async fn stream(case: &Value, config: &Value) {
    let script = case["server"].as_array().unwrap();
    let script: Vec<_> = script
        .iter()
        .map(|s| s.as_str().unwrap().to_owned())
        .collect();
    // What the first case lists are steps of one try; what the others list are tries.
    let script = if script[0] == "req" {
        vec![script.join(", ")]
    } else {
        script
    };
    let tries = Arc::new(Mutex::new(0_usize));
    let counter = Arc::clone(&tries);
    let exposed = case["name"] == "no_retry_after_context_exposed";
    let inner = service_fn(move |request: Request<ReplayBody<_>>| {
        let mut tries = counter.lock().unwrap();
        let steps = script[*tries].clone();
        *tries += 1;
        async move {
            let mut body = Box::pin(request.into_body());
            let reads = steps
                .split(' ')
                .find_map(|word| word.parse().ok())
                .unwrap_or(1);
            let reads = if steps.contains("payload") {
                usize::MAX
            } else {
                reads
            };
            for _ in 0..reads {
                let Some(frame) = body.frame().await else {
                    break;
                };
                frame.unwrap();
            }
            let status = if steps.contains("err INTERNAL") {
                GrpcStatus::INTERNAL
            } else if steps.contains("err") {
                GrpcStatus::UNAVAILABLE
            } else {
                GrpcStatus::OK
            };
            let mut response = trailers_only(status).map(|_| Trailers(None));
            if exposed {
                // The head goes out before the status, so the caller sees it.
                let status = response.headers_mut().remove("grpc-status").unwrap();
                let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status)]);
                *response.body_mut() = Trailers(Some(trailers));
            }
            let pushback: &[&'static str] = match () {
                () if steps.contains("pushback -1") => &["-1"],
                () if steps.contains("pushback 100 and 10") => &["100", "10"],
                () => &[],
            };
            for value in pushback {
                let value = HeaderValue::from_static(value);
                response
                    .headers_mut()
                    .append("grpc-retry-pushback-ms", value);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let limit = config["buffer_bytes"].as_u64().unwrap().try_into().unwrap();
    let policy = policy(config).with_replay_limit(limit);
    let large = case["name"] == "buffer_overflow_200B";
    let messages: &[usize] = if large { &[500] } else { &[10, 10, 10] };
    let service = RetryLayer::new(policy).layer(inner);
    let response = service.oneshot(call(messages)).await.unwrap();

    let in_head = GrpcStatus::from_headers(response.headers());
    let trailers = response.into_body().collect().await.unwrap();
    let status = in_head.or_else(|| GrpcStatus::from_headers(trailers.trailers()?));
    let expect = &case["expect"];
    assert_eq!(
        status,
        Some(code(expect["code"].as_str().unwrap())),
        "{case}"
    );
    assert_eq!(expect["server_attempts"], *tries.lock().unwrap(), "{case}");
}

/// A response body that is nothing but trailers, if it is anything.
struct Trailers(Option<HeaderMap>);

impl http_body::Body for Trailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
