//! Serves events, downloads and long polls beside plain requests, with two timeouts: `cargo run --example streams`.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::get;
use futures_util::stream::{self, Stream};
use http::Request;
use http_body_util::BodyExt;
use meshless::inbound;
use meshless::timeout::TimeoutPolicy;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

/// An event each minute, for half an hour.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(0, |sent| async move {
        sleep(Duration::from_secs(60)).await;
        (sent < 30).then(|| (Ok(Event::default().data("tick")), sent + 1))
    }))
}

/// Answers when there is news, in three quarters of a minute.
async fn news() -> &'static str {
    sleep(Duration::from_secs(45)).await;
    "news"
}

fn app() -> Router {
    // 15 seconds to the head of a response; its body may take longer, but not be silent for 5 minutes.
    let stack = inbound();
    // The same limits, and more time to the head.
    let patient = stack
        .clone()
        .with_timeout(TimeoutPolicy::head(Duration::from_secs(60)));
    let plain = Router::new()
        .route("/events", get(events))
        .route("/slow", get(news));
    let polls = Router::new().route("/news", get(news));
    plain.layer(stack).merge(polls.layer(patient))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the waits of an example are read on the paused clock"
)]
// The clock is paused so that the waits of this example take no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut answers = Vec::new();
    for path in ["/slow", "/news", "/events"] {
        let start = Instant::now();
        let response = app()
            .oneshot(Request::get(path).body(Body::empty())?)
            .await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        println!(
            "{path}: {status}, {} bytes in {:?}",
            body.len(),
            start.elapsed()
        );
        answers.push((status, start.elapsed().as_secs()));
    }
    assert_eq!(answers, [(504, 15), (200, 45), (200, 31 * 60)]);
    Ok(())
}
