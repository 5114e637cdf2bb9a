//! B3, by the text of <https://github.com/openzipkin/b3-propagation>.

use http::HeaderMap;
use meshless::telemetry::{ExtractError, TraceContext, TracePolicy};
use proptest::prelude::*;

use super::{passed_on, request};

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";
const PARENT: &str = "05e3ac9a4f6e3b90";

fn read(headers: &[(&'static str, &str)]) -> Result<Option<TraceContext>, ExtractError> {
    TraceContext::from_headers(request(headers).headers())
}

fn written(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut out = HeaderMap::new();
    read(headers).unwrap().unwrap().write_to(&mut out);
    out
}

#[test]
fn the_single_header_is_read_and_written() {
    let cases = [
        (format!("{TRACE}-{SPAN}-1-{PARENT}"), true, Some(PARENT)),
        (format!("{TRACE}-{SPAN}-d"), true, None),
        (format!("{TRACE}-{SPAN}-0"), false, None),
        (format!("{}-{SPAN}-1", &TRACE[16..]), true, None),
    ];
    for (value, sampled, parent) in cases {
        let headers = [("b3", value.as_str())];
        let trace = read(&headers).unwrap().unwrap();
        assert_eq!(trace.span_id().to_string(), SPAN);
        assert_eq!(trace.is_sampled(), sampled, "{value}");
        assert_eq!(
            trace.parent_id().map(|id| id.to_string()).as_deref(),
            parent
        );
        let out = written(&headers);
        assert_eq!(out["b3"], value, "as it came");
        let flags = if sampled { "01" } else { "00" };
        let padded = format!("{:0>32}", value.split('-').next().unwrap());
        assert_eq!(out["traceparent"], format!("00-{padded}-{SPAN}-{flags}"));
    }
}

#[test]
fn several_headers_are_read_and_written() {
    let ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
    let cases = [
        (
            vec![("x-b3-sampled", "1"), ("x-b3-parentspanid", PARENT)],
            true,
        ),
        (vec![("x-b3-sampled", "0")], false),
        (vec![("x-b3-flags", "1")], true),
    ];
    for (more, sampled) in cases {
        let headers = [ids.to_vec(), more].concat();
        assert_eq!(
            read(&headers).unwrap().unwrap().is_sampled(),
            sampled,
            "{headers:?}"
        );
        let mut out = written(&headers);
        out.remove("traceparent");
        assert_eq!(&out, request(&headers).headers(), "as they came");
    }
    // Writers of old spelled the decision out.
    let old = [ids.as_slice(), &[("x-b3-sampled", "true")]].concat();
    assert!(read(&old).unwrap().unwrap().is_sampled());
}

#[tokio::test]
async fn a_decision_without_ids_holds_for_the_trace_that_begins() {
    for (name, value, sampled) in [
        ("b3", "0", false),
        ("b3", "d", true),
        ("x-b3-sampled", "0", false),
    ] {
        assert!(read(&[(name, value)]).unwrap().is_none());
        let policy = TracePolicy::default().with_same_formats(true);
        let out = passed_on(&policy, request(&[(name, value)])).await;
        let trace = TraceContext::from_headers(&out).unwrap().unwrap();
        assert_eq!(trace.is_sampled(), sampled, "{name}: {value}");
        assert!(out.contains_key("traceparent"));
        assert!(
            out.contains_key("b3") == (name == "b3"),
            "in the format in which it came"
        );
    }
}

#[test]
fn what_b3_does_not_allow_is_told_apart() {
    let zeros = "0".repeat(32);
    let cases: [(&[(&'static str, &str)], ExtractError); 12] = [
        (&[("b3", "")], ExtractError::Flags),
        (&[("b3", "x")], ExtractError::Flags),
        (&[("b3", &format!("{TRACE}-{SPAN}-x"))], ExtractError::Flags),
        (
            &[("b3", &format!("{TRACE}-{SPAN}-1-{PARENT}-1"))],
            ExtractError::Form("b3"),
        ),
        (
            &[("b3", &format!("{TRACE}-{SPAN}-1-x"))],
            ExtractError::SpanId,
        ),
        (&[("b3", &format!("{zeros}-{SPAN}"))], ExtractError::TraceId),
        (
            &[("b3", &format!("{}-{SPAN}", &TRACE[1..]))],
            ExtractError::TraceId,
        ),
        (&[("b3", "0"), ("b3", "0")], ExtractError::Duplicated("b3")),
        (&[("x-b3-traceid", TRACE)], ExtractError::SpanId),
        (&[("x-b3-spanid", SPAN)], ExtractError::TraceId),
        (&[("x-b3-sampled", "maybe")], ExtractError::Flags),
        (
            &[("x-b3-traceid", TRACE), ("x-b3-traceid", TRACE)],
            ExtractError::Duplicated("x-b3-traceid"),
        ),
    ];
    for (headers, expected) in cases {
        assert_eq!(read(headers).unwrap_err(), expected, "{headers:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in "([1-9a-f][0-9a-f]{31}|[1-9a-f][0-9a-f]{15})-[1-9a-f][0-9a-f]{15}-[01d](-[1-9a-f][0-9a-f]{15})?") {
        let out = written(&[("b3", &text)]);
        prop_assert_eq!(out["b3"].to_str().unwrap(), text);
    }
}
