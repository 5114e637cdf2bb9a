//! Continues a caller's trace in the calls of a handler: `cargo run --example telemetry`.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use meshless::telemetry::{InMemorySpans, TraceClientLayer, TracePolicy, TraceServerLayer};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spans = InMemorySpans::new(100);
    let policy = TracePolicy::default().with_service("waste-service");

    // The called service prints the header that it gets.
    let transport = service_fn(|request: Request<String>| async move {
        println!("upstream got {:?}", request.headers()["traceparent"]);
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let client = TraceClientLayer::with_processor(policy.clone(), Arc::new(spans.clone()));
    let client = client.layer(transport);
    // The handler passes no context on: the client finds that of the request.
    let handler = service_fn(move |_: Request<String>| {
        client.clone().oneshot(
            Request::get("http://users/")
                .body(String::new())
                .expect("a request"),
        )
    });
    let server = TraceServerLayer::with_processor(policy, Arc::new(spans.clone()));
    let server = server.layer(handler);

    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::get("/analyze").header("traceparent", caller);
    drop(server.oneshot(request.body(String::new())?).await?);

    let spans = spans.spans();
    for span in &spans {
        println!("{} {span}", span.trace_id());
    }
    let ids = spans.iter().map(|span| span.trace_id().to_string());
    assert_eq!(
        ids.collect::<Vec<_>>(),
        ["0af7651916cd43dd8448eb211c80319c"; 2]
    );
    Ok(())
}
