//! W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context-1/>), with the strictness that
//! it requires of readers; of level 2 the `random` flag is propagated.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::remote_context::{RemoteContext, TraceHeaders};
use crate::policies::telemetry::context::hex::{hex, hex_byte};
use crate::policies::telemetry::{ExtractError, SpanId, TraceContext, TraceId};

static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const SAMPLED: u8 = 0x01;
const RANDOM: u8 = 0x02;

/// `00-` + 32 + `-` + 16 + `-` + 2.
const LENGTH: usize = 55;
/// Limit on the members of `tracestate`; a longer list is dropped as a whole.
const MEMBERS: usize = 32;

/// Reads both headers; `tracestate` is ignored without a valid `traceparent`.
pub(in crate::policies::telemetry) fn read(
    headers: &HeaderMap,
    present: &TraceHeaders<'_>,
) -> Result<RemoteContext, ExtractError> {
    if present.traceparent_twice {
        return Err(ExtractError::Duplicated("traceparent"));
    }
    let value = present.traceparent.map_or(&[][..], HeaderValue::as_bytes);
    let mut remote = traceparent(trim(value))?;
    if present.tracestate {
        remote.tracestate = tracestate(headers);
    }
    Ok(remote)
}

pub(in crate::policies::telemetry) fn has_tracestate(headers: &HeaderMap) -> bool {
    headers.contains_key(&TRACESTATE)
}

pub(in crate::policies::telemetry) fn write_parent(trace: &TraceContext, headers: &mut HeaderMap) {
    headers.insert(
        const { HeaderName::from_static("traceparent") },
        parent(trace),
    );
}

/// Writes the state; without one, removes the state of another trace if there `is_one`.
pub(in crate::policies::telemetry) fn write_state(
    trace: &TraceContext,
    headers: &mut HeaderMap,
    is_one: bool,
) {
    if let Some(tracestate) = &trace.tracestate {
        headers.insert(&TRACESTATE, HeaderValue::clone(tracestate));
    } else if is_one {
        headers.remove(&TRACESTATE);
    }
}

fn parent(trace: &TraceContext) -> HeaderValue {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    text[3..35].copy_from_slice(&trace.trace_id.digits());
    text[36..52].copy_from_slice(&trace.span_id.digits());
    let random = if trace.random { RANDOM } else { 0 };
    let sampled = if trace.sampled { SAMPLED } else { 0 };
    text[54] |= random | sampled;
    HeaderValue::from_bytes(&text).expect("digits and dashes are a header value")
}

fn traceparent(text: &[u8]) -> Result<RemoteContext, ExtractError> {
    const FORM: ExtractError = ExtractError::Form("traceparent");
    let version = *text.first_chunk().ok_or(FORM)?;
    let version = hex_byte(version).ok_or(ExtractError::Version)?;
    if version == 0xff {
        return Err(ExtractError::Version);
    }
    let dashes = [2, 35, 52];
    if text.len() < LENGTH || dashes.iter().any(|&at| text[at] != b'-') {
        return Err(FORM);
    }
    // A later version may append fields after another dash; the known fields keep their positions.
    let more = text.get(LENGTH);
    if more.is_some_and(|&next| version == 0 || next != b'-') {
        return Err(FORM);
    }
    let trace_id = hex(&text[3..35], 32).and_then(TraceId::new);
    let trace_id = trace_id.ok_or(ExtractError::TraceId)?;
    let span_id = SpanId::parse(&text[36..52])?;
    let flags = hex_byte([text[53], text[54]]).ok_or(ExtractError::Flags)?;
    Ok(RemoteContext {
        random: flags & RANDOM != 0,
        ..RemoteContext::new(trace_id, span_id, Some(flags & SAMPLED != 0))
    })
}

/// Returns the state of all vendors as one header; none if a member is invalid, because then the
/// whole list must be dropped.
fn tracestate(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(&TRACESTATE).iter();
    let first = values.next()?;
    // Several headers form one list, in their order.
    let whole = values.try_fold(first.clone(), |whole, next| {
        HeaderValue::from_bytes(&[whole.as_bytes(), b",", next.as_bytes()].concat()).ok()
    })?;
    let mut members = 0;
    for member in whole.as_bytes().split(|&byte| byte == b',') {
        let member = trim(member);
        // W3C allows empty members; they do not count.
        if member.is_empty() {
            continue;
        }
        members += 1;
        if members > MEMBERS || !is_member(member) {
            return None;
        }
    }
    (members > 0).then_some(whole)
}

fn is_member(member: &[u8]) -> bool {
    let Some(equals) = member.iter().position(|&byte| byte == b'=') else {
        return false;
    };
    is_key(&member[..equals]) && is_value(&member[equals + 1..])
}

fn is_key(key: &[u8]) -> bool {
    match key.iter().position(|&byte| byte == b'@') {
        Some(at) => {
            let (tenant, system) = (&key[..at], &key[at + 1..]);
            // The lengths of tenant and system id in W3C's grammar; a key without a tenant has up
            // to 256.
            is_name(tenant, 241)
                && is_name(system, 14)
                && system.first().is_some_and(u8::is_ascii_lowercase)
        }
        None => is_name(key, 256) && key.first().is_some_and(u8::is_ascii_lowercase),
    }
}

fn is_name(name: &[u8], most: usize) -> bool {
    let head = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let tail = |byte: &u8| head(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/');
    name.len() <= most && name.first().is_some_and(head) && name.iter().all(tail)
}

/// Trailing blanks are removed already: they belong to the list.
fn is_value(value: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    (1..=256).contains(&value.len()) && value.iter().all(allowed)
}

/// Removes the optional white space of HTTP.
pub(in crate::policies::telemetry) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
