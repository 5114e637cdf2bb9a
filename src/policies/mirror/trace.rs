//! Trace context of a copy: a sibling of its original's span, not sampled.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue};

/// Gives existing trace headers a new span id and sets them to not sampled. W3C requires a new id
/// with every change of the flag.
pub(super) fn unsample(headers: &mut HeaderMap, span_id: u64) {
    // An id of 0 is invalid.
    let mut span = String::with_capacity(16);
    let written = write!(span, "{:016x}", span_id.max(1));
    debug_assert!(written.is_ok(), "a string takes all");
    replace(headers, "traceparent", |value| w3c(value, &span));
    replace(headers, "b3", |value| b3(value, &span));
    if headers.contains_key("x-b3-traceid") || headers.contains_key("x-b3-sampled") {
        headers.remove("x-b3-flags");
        headers.insert("x-b3-sampled", HeaderValue::from_static("0"));
        if let Some(parent) = headers.get("x-b3-spanid").cloned() {
            headers.insert("x-b3-parentspanid", parent);
            replace(headers, "x-b3-spanid", |_| Some(span.clone()));
        }
    }
}

/// Replaces a header by the result of `f`; a value that does not parse stays.
fn replace(headers: &mut HeaderMap, name: &'static str, f: impl FnOnce(&str) -> Option<String>) {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(Ok(value)) = value.and_then(f).map(HeaderValue::try_from) {
        headers.insert(name, value);
    }
}

/// Rewrites `version-trace-span-flags`, to which a later version may append fields.
fn w3c(value: &str, span: &str) -> Option<String> {
    let mut fields = value.trim().splitn(4, '-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let (_, rest) = (fields.next()?, fields.next()?);
    let flags = u8::from_str_radix(rest.get(..2)?, 16).ok()?;
    let more = rest.get(2..)?;
    Some(format!("{version}-{trace}-{span}-{:02x}{more}", flags & !1))
}

/// Rewrites `trace-span-sampled-parent`, or `sampled` alone.
fn b3(value: &str, span: &str) -> Option<String> {
    let mut fields = value.trim().split('-');
    let first = fields.next()?;
    Some(match fields.next() {
        Some(parent) => format!("{first}-{span}-0-{parent}"),
        None => "0".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsampled(pairs: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        unsample(&mut headers, 0xabc);
        let mut seen: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        seen.sort();
        seen
    }

    #[test]
    fn a_copy_stays_in_its_trace_and_is_not_recorded() {
        let w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
        assert_eq!(
            unsampled(&[("traceparent", w3c), ("tracestate", "a=1")]),
            [
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000abc-02",
                "tracestate: a=1"
            ]
        );
        let b3 = "80f198ee56343ba8-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90";
        assert_eq!(
            unsampled(&[("b3", b3)]),
            ["b3: 80f198ee56343ba8-0000000000000abc-0-e457b5a2e4d86bd1"]
        );
        assert_eq!(unsampled(&[("b3", "d")]), ["b3: 0"]);
        assert_eq!(
            unsampled(&[
                ("x-b3-traceid", "80f198ee56343ba8"),
                ("x-b3-spanid", "e457b5a2e4d86bd1"),
                ("x-b3-flags", "1"),
            ]),
            [
                "x-b3-parentspanid: e457b5a2e4d86bd1",
                "x-b3-sampled: 0",
                "x-b3-spanid: 0000000000000abc",
                "x-b3-traceid: 80f198ee56343ba8",
            ]
        );
    }

    #[test]
    fn no_trace_is_made_up_and_what_is_not_understood_stays() {
        assert!(unsampled(&[]).is_empty());
        for wrong in ["", "00", "00-1-2", "00-1-2-x", "00-1-2-0"] {
            let seen = unsampled(&[("traceparent", wrong)]);
            assert_eq!(seen, [format!("traceparent: {wrong}")]);
        }
    }
}
