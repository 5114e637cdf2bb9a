//! Regular expressions in documents, which are RE2's.

use http::{HeaderValue, Request};
use http_body_util::Full;
use meshless::Mesh;
use tower::ServiceExt;

use crate::support::Upstream;

/// Each route leads to a host of its own name, so that the upstream sees which one matched.
fn routes(matches: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n\
         spec:\n  hosts: [a.test]\n  http:\n",
    );
    for (to, matched) in matches {
        let route = format!("route: [{{destination: {{host: {to}}}}}]");
        text.extend(["  - match: [{", matched, "}]\n    ", &route, "\n"]);
    }
    text + "  - route: [{destination: {host: fallback}}]\n"
}

#[tokio::test(start_paused = true)]
async fn a_regex_in_a_document_means_what_re2_says() {
    let text = routes(&[
        ("amp", r#"uri: {regex: "/amp/[a&&b]+"}"#),
        ("tilde", r#"uri: {regex: "/tilde/[a~~b]+"}"#),
        ("nest", r#"uri: {regex: "/nest/[a[b]]"}"#),
        ("quoted", r#"uri: {regex: "/\\Qa.b\\E+"}"#),
        ("brace", r#"uri: {regex: "/brace/a{,3}"}"#),
        (
            "word",
            r#"uri: {prefix: /w}, headers: {x-name: {regex: "\\w+"}}"#,
        ),
        (
            "digit",
            r#"uri: {prefix: /d}, headers: {x-name: {regex: "\\d+"}}"#,
        ),
        (
            "bytes",
            r#"uri: {prefix: /b}, headers: {x-name: {regex: "caf.."}}"#,
        ),
        (
            "case",
            r#"uri: {prefix: /i}, headers: {x-name: {regex: "(?i)ÉA"}}"#,
        ),
    ]);
    let mesh = Mesh::from_yaml(&text).unwrap();
    let upstream = Upstream::new(|_| 200);
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    for (path, name, expected) in [
        ("/amp/a&b", "", "amp"),
        ("/tilde/~", "", "tilde"),
        ("/nest/[]", "", "nest"),
        ("/nest/b", "", "fallback"),
        ("/a.bb", "", "quoted"),
        ("/axb", "", "fallback"),
        ("/brace/aaa", "", "fallback"),
        ("/w", "abc_1", "word"),
        ("/w", "é", "fallback"),
        ("/d", "7", "digit"),
        ("/d", "٣", "fallback"),
        ("/b", "café", "bytes"),
        ("/b", "cafe", "fallback"),
        ("/i", "Éa", "case"),
        ("/i", "éa", "fallback"),
    ] {
        let name = HeaderValue::from_bytes(name.as_bytes()).unwrap();
        let request = Request::get(format!("http://a.test{path}")).header("x-name", name);
        let request = request.body(Full::default()).unwrap();
        service.clone().oneshot(request).await.unwrap();
        let asked = upstream.asked().pop().unwrap();
        assert!(
            asked.starts_with(&format!("http://{expected}.default.")),
            "{path}: {asked}"
        );
    }
}

#[test]
fn a_regex_that_re2_refuses_is_refused_with_its_reason() {
    for (regex, reason) in [
        ("a**", "bad repetition operator: **"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("(?x)a", "invalid perl operator: (?x"),
        ("[a--b]", "invalid character class range: a--"),
        ("a(", "missing ): a("),
    ] {
        let text = routes(&[("x", &format!("uri: {{regex: '{regex}'}}"))]);
        let error = Mesh::from_yaml(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
