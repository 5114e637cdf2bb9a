use std::hint::black_box;

use http::{Extensions, HeaderName, HeaderValue, Method};
use meshless::retry::{RetryLayer, RetryPolicy};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use tower::{Layer, ServiceBuilder};

use crate::case::{Case, Floor, case, lazily};
use crate::load::{finish, load};
use crate::message::{BODY, HEADERS, VALUE};
use crate::peers::{Again, RETRIES, context, seatbelt_retry, tr_retry};

const WORK: &str = "retry, armed";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(WORK, "meshless", |upstream| {
            RetryLayer::new(RetryPolicy::new(RETRIES)).layer(upstream)
        }),
        case(WORK, "tower", |upstream| {
            ServiceBuilder::new()
                .retry(Again(RETRIES))
                .service(upstream)
        }),
        case(WORK, "tower-resilience", |upstream| {
            tr_retry().layer(upstream)
        }),
        case(WORK, "seatbelt", |upstream| {
            seatbelt_retry(&context()).layer(upstream)
        }),
        middleware("bare", "reqwest-middleware", Floor::None, false),
        middleware(WORK, "reqwest-retry", Floor::Middleware, true),
    ]
}

/// Answers as the network would.
struct Answer {
    pending: bool,
}

#[async_trait::async_trait]
impl Middleware for Answer {
    async fn handle(
        &self,
        request: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        drop(black_box(request));
        let mut pending = self.pending;
        std::future::poll_fn(|_| {
            if std::mem::take(&mut pending) {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
        Ok(http::Response::new(BODY).into())
    }
}

fn middleware(work: &'static str, by: &'static str, floor: Floor, retry: bool) -> Case {
    let client = move |pending| {
        let mut client = ClientBuilder::new(reqwest::Client::new());
        if retry {
            let policy = ExponentialBackoff::builder().build_with_max_retries(RETRIES);
            client = client.with(RetryTransientMiddleware::new_with_policy(policy));
        }
        client.with(Answer { pending }).build()
    };
    let held = |pending| {
        lazily(move || {
            let client = client(pending);
            load(request, move |request| exchange(&client, request))
        })
    };
    let cloned = |pending| {
        lazily(move || {
            let client = client(pending);
            load(request, move |request| exchange(&client.clone(), request))
        })
    };
    Case {
        work,
        by,
        floor,
        loads: [held(false), held(true), cloned(false), cloned(true)],
    }
}

fn request() -> reqwest::Request {
    let url = "http://127.0.0.1/x".parse().expect("a URL");
    let mut request = reqwest::Request::new(Method::PUT, url);
    for name in HEADERS {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static(VALUE);
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Some(reqwest::Body::from(BODY));
    request
}

fn exchange(client: &ClientWithMiddleware, request: reqwest::Request) {
    let response = finish(client.execute(request)).expect("an answer");
    black_box(finish(response.bytes()).expect("a body"));
}
