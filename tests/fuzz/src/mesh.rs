//! Any bytes whatever as Istio's YAML, and requests to the hosts that they seem to name: a mesh is made of what
//! is valid, and each request gets an answer or waits.
#![no_main]

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use libfuzzer_sys::fuzz_target;
use meshless::Mesh;
use meshless::mesh::RequestBody;
use tower::{Service, service_fn};

type Body = Empty<Bytes>;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let Ok(mesh) = Mesh::from_yaml(&text) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let _guard = runtime.enter();
    let transport = service_fn(|request: Request<RequestBody<Body>>| async move {
        drop(request);
        Ok::<_, Infallible>(Response::new(Body::new()))
    });
    let mut service = mesh.workload("waste", "default").outbound(transport);
    let cx = &mut Context::from_waker(Waker::noop());
    for host in hosts(&text).take(8) {
        let Ok(request) = Request::get(format!("http://{host}/v1?a=b")).body(Body::new()) else {
            continue;
        };
        assert!(service.poll_ready(cx).is_ready());
        let call = pin!(service.call(request));
        let _ = call.poll(cx);
    }
});

fn hosts(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !".-:".contains(c));
    words.filter(|word| !word.is_empty() && !word.ends_with(':'))
}
