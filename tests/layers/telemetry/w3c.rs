//! W3C Trace Context: the cases of its own test suite
//! (<https://github.com/w3c/trace-context/blob/84b583d86ecb7005a9eab8fed86ab7117b050b48/test/test.py>)
//! by their names there, and the examples of the Recommendation.

use http::{HeaderMap, HeaderValue};
use meshless::telemetry::{ExtractError, SpanId, TraceContext, TraceId};
use proptest::prelude::*;

const ID: &str = "12345678901234567890123456789012";
const GOOD: &str = "00-12345678901234567890123456789012-1234567890123456-00";

fn headers(traceparents: &[&str], tracestates: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in traceparents {
        headers.append("traceparent", value.parse().unwrap());
    }
    for value in tracestates {
        headers.append("tracestate", value.parse().unwrap());
    }
    headers
}

fn read(traceparent: &str) -> Result<Option<TraceContext>, ExtractError> {
    TraceContext::from_headers(&headers(&[traceparent], &[]))
}

/// What goes on of these lists of vendors.
fn state(tracestates: &[&str]) -> Option<String> {
    let trace = TraceContext::from_headers(&headers(&[GOOD], tracestates))
        .unwrap()
        .unwrap();
    assert_eq!(
        trace.trace_id().to_string(),
        ID,
        "a bad tracestate spoils no traceparent"
    );
    trace.tracestate().map(str::to_owned)
}

#[test]
fn traceparents_that_are_continued() {
    let cases = [
        (
            "test_traceparent_included_tracestate_missing",
            "00-{}-1234567890123456-01",
        ),
        ("test_traceparent_version_0xcc", "cc-{}-1234567890123456-01"),
        (
            "test_traceparent_version_0xcc",
            "cc-{}-1234567890123456-01-what-the-future-will-be-like",
        ),
        (
            "test_traceparent_ows_handling",
            " 00-{}-1234567890123456-01",
        ),
        (
            "test_traceparent_ows_handling",
            "\t00-{}-1234567890123456-01",
        ),
        (
            "test_traceparent_ows_handling",
            "00-{}-1234567890123456-01 ",
        ),
        (
            "test_traceparent_ows_handling",
            "00-{}-1234567890123456-01\t",
        ),
        (
            "test_traceparent_ows_handling",
            "\t 00-{}-1234567890123456-01 \t",
        ),
        (
            "flags that nobody knows yet, 3.2.2.5",
            "00-{}-1234567890123456-fd",
        ),
    ];
    for (name, traceparent) in cases {
        let trace = read(&traceparent.replace("{}", ID)).unwrap().unwrap();
        assert_eq!(trace.trace_id().to_string(), ID, "{name}");
        assert_eq!(trace.span_id().to_string(), "1234567890123456", "{name}");
        assert!(trace.is_sampled(), "{name}");
    }
}

#[test]
fn traceparents_that_begin_a_new_trace() {
    let form = ExtractError::Form("traceparent");
    let cases = [
        ("version_0x00", "00-{}-1234567890123456-01.", form),
        (
            "version_0x00",
            "00-{}-1234567890123456-01-what-the-future-will-be-like",
            form,
        ),
        (
            "version_0xcc",
            "cc-{}-1234567890123456-01.what-the-future-will-be-like",
            form,
        ),
        (
            "version_0xff",
            "ff-{}-1234567890123456-01",
            ExtractError::Version,
        ),
        (
            "version_illegal_characters",
            ".0-{}-1234567890123456-01",
            ExtractError::Version,
        ),
        (
            "version_illegal_characters",
            "0.-{}-1234567890123456-01",
            ExtractError::Version,
        ),
        ("version_too_long", "000-{}-1234567890123456-01", form),
        ("version_too_long", "0000-{}-1234567890123456-01", form),
        (
            "version_too_short",
            "0-{}-1234567890123456-01",
            ExtractError::Version,
        ),
        (
            "trace_id_all_zero",
            "00-00000000000000000000000000000000-1234567890123456-01",
            ExtractError::TraceId,
        ),
        (
            "trace_id_illegal_characters",
            "00-.2345678901234567890123456789012-1234567890123456-01",
            ExtractError::TraceId,
        ),
        (
            "trace_id_illegal_characters",
            "00-1234567890123456789012345678901.-1234567890123456-01",
            ExtractError::TraceId,
        ),
        ("trace_id_too_long", "00-{}3-1234567890123456-01", form),
        (
            "trace_id_too_short",
            "00-1234567890123456789012345678901-1234567890123456-01",
            form,
        ),
        (
            "parent_id_all_zero",
            "00-{}-0000000000000000-01",
            ExtractError::SpanId,
        ),
        (
            "parent_id_illegal_characters",
            "00-{}-.234567890123456-01",
            ExtractError::SpanId,
        ),
        (
            "parent_id_illegal_characters",
            "00-{}-123456789012345.-01",
            ExtractError::SpanId,
        ),
        ("parent_id_too_long", "00-{}-12345678901234567-01", form),
        ("parent_id_too_short", "00-{}-123456789012345-01", form),
        (
            "trace_flags_illegal_characters",
            "00-{}-1234567890123456-.0",
            ExtractError::Flags,
        ),
        (
            "trace_flags_illegal_characters",
            "00-{}-1234567890123456-0.",
            ExtractError::Flags,
        ),
        ("trace_flags_too_long", "00-{}-1234567890123456-001", form),
        ("trace_flags_too_short", "00-{}-1234567890123456-1", form),
        (
            "upper case, 3.2.2.3",
            "00-0AF7651916CD43DD8448EB211C80319C-1234567890123456-01",
            ExtractError::TraceId,
        ),
        ("nothing", "", form),
    ];
    for (name, traceparent, expected) in cases {
        let traceparent = traceparent.replace("{}", ID);
        assert_eq!(
            read(&traceparent).unwrap_err(),
            expected,
            "{name}: {traceparent}"
        );
    }
}

#[test]
fn headers_that_say_nothing_or_too_much() {
    let twice = ["00-{}-1234567890123456-01"; 2].map(|text| text.replace("{}", ID));
    let twice = headers(&[&twice[0], &twice[1]], &[]);
    let expected = ExtractError::Duplicated("traceparent");
    // test_traceparent_duplicated
    assert_eq!(TraceContext::from_headers(&twice).unwrap_err(), expected);
    // test_tracestate_included_traceparent_missing
    let alone = headers(&[], &["foo=1,bar=2"]);
    assert!(TraceContext::from_headers(&alone).unwrap().is_none());
}

#[test]
fn tracestates_that_go_on() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let printable: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let most: Vec<_> = (1..=32).map(|n| format!("bar{n:02}={n:02}")).collect();
    let cases: [(&str, &[&str], &str); 12] = [
        (
            "included_traceparent_included",
            &["foo=1,bar=2"],
            "foo=1,bar=2",
        ),
        ("empty_header", &["foo=1", ""], "foo=1,"),
        ("empty_header", &["", "foo=1"], ",foo=1"),
        (
            "multiple_headers_different_keys",
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        // Since 2023 the suite wants both, or one of them.
        ("duplicated_keys", &["foo=1,foo=2"], "foo=1,foo=2"),
        (
            "all_allowed_characters",
            &[&format!("{key}={printable}")],
            &format!("{key}={printable}"),
        ),
        (
            "all_allowed_characters",
            &[&format!("{key}@a-z0-9_-*/=1")],
            &format!("{key}@a-z0-9_-*/=1"),
        ),
        (
            "ows_handling",
            &["foo=1 \t , \t bar=2, \t baz=3"],
            "foo=1 \t , \t bar=2, \t baz=3",
        ),
        ("ows_handling", &["\t foo=1 \t"], "\t foo=1 \t"),
        (
            "member_count_limit",
            &[&most[..20].join(","), &most[20..].join(",")],
            &most.join(","),
        ),
        (
            "key_length_limit",
            &[&format!("{}=1", "z".repeat(256))],
            &format!("{}=1", "z".repeat(256)),
        ),
        (
            "key_length_limit",
            &[&format!("{}@{}=1", "t".repeat(241), "v".repeat(14))],
            &format!("{}@{}=1", "t".repeat(241), "v".repeat(14)),
        ),
    ];
    for (name, sent, expected) in cases {
        // A list is the same with blanks around its members, and with empty ones.
        assert_eq!(
            state(sent).as_deref().map(members),
            Some(members(expected)),
            "{name}"
        );
    }
}

fn members(list: &str) -> Vec<&str> {
    list.split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .collect()
}

#[test]
fn tracestates_that_are_dropped_as_a_whole() {
    let many: Vec<_> = (1..=33).map(|n| format!("bar{n:02}={n:02}")).collect();
    let cases: [(&str, &[&str]); 18] = [
        ("empty_header", &[""]),
        ("key_illegal_characters", &["foo =1"]),
        ("key_illegal_characters", &["FOO=1"]),
        ("key_illegal_characters", &["foo.bar=1"]),
        ("key_illegal_vendor_format", &["foo@=1,bar=2"]),
        ("key_illegal_vendor_format", &["@foo=1,bar=2"]),
        ("key_illegal_vendor_format", &["foo@@bar=1,bar=2"]),
        ("key_illegal_vendor_format", &["foo@bar@baz=1,bar=2"]),
        (
            "member_count_limit",
            &[&many[..20].join(","), &many[20..].join(",")],
        ),
        (
            "key_length_limit",
            &["foo=1", &format!("{}=1", "z".repeat(257))],
        ),
        (
            "key_length_limit",
            &["foo=1", &format!("{}@v=1", "t".repeat(242))],
        ),
        (
            "key_length_limit",
            &["foo=1", &format!("t@{}=1", "v".repeat(15))],
        ),
        ("value_illegal_characters", &["foo=bar=baz"]),
        ("value_illegal_characters", &["foo=,bar=3"]),
        (
            "a value of 257, 3.3.2.2.2",
            &[&format!("foo={}", "v".repeat(257))],
        ),
        ("a key that begins with a digit, 3.3.2.2.1", &["1foo=1"]),
        (
            "a vendor that begins with a digit, 3.3.2.2.1",
            &["foo@1bar=1"],
        ),
        ("no equals sign", &["foo"]),
    ];
    for (name, sent) in cases {
        assert_eq!(state(sent), None, "{name}");
    }
}

#[test]
fn what_is_written_is_the_recommendations_own_example() {
    let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::from_headers(&headers(&[example], &["congo=t61rcWkgMzE"]));
    let mut out = headers(&[GOOD], &["stale=1"]);
    trace.unwrap().unwrap().write_to(&mut out);
    assert_eq!(out["traceparent"], example);
    assert_eq!(out["tracestate"], "congo=t61rcWkgMzE");
    // One without a tracestate leaves none of another behind.
    read(example).unwrap().unwrap().write_to(&mut out);
    assert!(!out.contains_key("tracestate"));
}

#[test]
fn unknown_flags_are_cleared_and_the_random_one_of_level_2_is_kept() {
    for (came, goes) in [
        ("00", "00"),
        ("01", "01"),
        ("02", "02"),
        ("03", "03"),
        ("ff", "03"),
    ] {
        let mut out = HeaderMap::new();
        let trace = read(&format!("00-{ID}-1234567890123456-{came}"))
            .unwrap()
            .unwrap();
        trace.write_to(&mut out);
        assert_eq!(
            out["traceparent"],
            format!("00-{ID}-1234567890123456-{goes}")
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(
        values in proptest::collection::vec((0_usize..9, proptest::collection::vec(32_u8..=255, 0..80)), 0..6)
    ) {
        let names = [
            "traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid",
            "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags", "x-request-id",
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name], value);
            }
        }
        let _ = TraceContext::from_headers(&headers);
    }

    #[test]
    fn nearly_right_bytes_are_read_as_the_grammar_says(text in "(00|cc|ff)-[0-9a-f]{31,33}-[0-9a-fA]{16}-[0-9a-f]{2}(-x)?") {
        let good = text.len() == 55 || (text.len() == 57 && !text.starts_with("00"));
        let zero = text.contains(&"0".repeat(32)) || text.contains(&format!("-{}-", "0".repeat(16)));
        let good = good && !zero && !text.starts_with("ff") && !text.contains('A');
        prop_assert_eq!(read(&text).is_ok(), good);
    }

    #[test]
    fn what_is_written_is_read_again(trace_id in 1_u128.., span_id in 1_u64.., flags in 0_u8..4) {
        let (trace_id, span_id) = (TraceId::new(trace_id).unwrap(), SpanId::new(span_id).unwrap());
        let text = format!("00-{trace_id}-{span_id}-{flags:02x}");
        let trace = read(&text).unwrap().unwrap();
        prop_assert_eq!((trace.trace_id(), trace.span_id()), (trace_id, span_id));
        let mut out = HeaderMap::new();
        trace.write_to(&mut out);
        prop_assert_eq!(out["traceparent"].to_str().unwrap(), text);
        prop_assert_eq!(trace_id.to_string().parse(), Ok(trace_id));
        prop_assert_eq!(span_id.to_string().parse(), Ok(span_id));
    }
}
