//! The heads of requests that are sent again.

use std::io;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderValue, Request, Version};
use meshless::retry::{ReplayBody, RetryLayer};
use tower::{Layer, service_fn};

use super::eager;
use crate::support::{Script, call};

#[tokio::test(start_paused = true)]
async fn each_try_has_the_whole_head_and_the_last_one_too() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&heads);
    let inner = service_fn(move |request: Request<ReplayBody<Script>>| {
        note.lock().unwrap().push(request.into_parts().0);
        async {
            Err::<http::Response<Script>, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
        }
    });
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    let request = Request::put("http://a.example/b?c=d")
        .version(Version::HTTP_2)
        .header("authorization", secret)
        .header("cookie", "one")
        .header("x-odd", HeaderValue::from_bytes(b"\xe4\t\xff").unwrap())
        .header("x-envoy-attempt-count", "of somebody before us")
        .header("cookie", "two")
        .extension("kept")
        .body(Script::default().data("abc"))
        .unwrap();
    let mut service = RetryLayer::new(eager(2)).layer(inner);
    assert!(call(&mut service, request).await.is_err());

    let heads = std::mem::take(&mut *heads.lock().unwrap());
    assert_eq!(heads.len(), 3);
    for (i, mut head) in heads.into_iter().enumerate() {
        let number = head.headers.remove("x-envoy-attempt-count").unwrap();
        assert_eq!(number, (i + 1).to_string().as_str());
        assert_eq!(seen(&head), EXPECTED, "{i}");
        assert!(head.headers["authorization"].is_sensitive(), "{i}");
        assert_eq!(head.headers["x-odd"].as_bytes(), b"\xe4\t\xff", "{i}");
        assert_eq!(head.extensions.get::<&str>(), Some(&"kept"), "{i}");
    }
}

const EXPECTED: &str = "PUT http://a.example/b?c=d HTTP/2.0 cookie: one, two";

fn seen(head: &Parts) -> String {
    let cookies = head.headers.get_all("cookie").iter();
    let cookies: Vec<_> = cookies.map(|value| value.to_str().unwrap()).collect();
    let (method, uri, version) = (&head.method, &head.uri, head.version);
    format!("{method} {uri} {version:?} cookie: {}", cookies.join(", "))
}
