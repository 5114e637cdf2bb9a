//! B3, Zipkin's headers (<https://github.com/openzipkin/b3-propagation>), in one or several
//! headers.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::remote_context::RemoteContext;
use super::w3c::trim;
use crate::policies::telemetry::context::hex::hex;
use crate::policies::telemetry::{ExtractError, Propagation, SpanId, TraceContext, TraceId};

static B3: HeaderName = HeaderName::from_static("b3");
static TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
static SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
static PARENT_ID: HeaderName = HeaderName::from_static("x-b3-parentspanid");
static SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
static FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

/// Sampling state of B3: the decision, if there is one, and the debug flag.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::policies::telemetry) struct Sampling {
    pub(in crate::policies::telemetry) debug: bool,
    pub(in crate::policies::telemetry) sampled: Option<bool>,
}

/// Content of readable B3 headers.
#[derive(Debug)]
pub(in crate::policies::telemetry) enum B3Headers {
    Caller(RemoteContext),
    /// A sampling decision without ids: the receiver starts the trace.
    Decision(Sampling),
}

/// Reads `b3`.
pub(in crate::policies::telemetry) fn read_single(
    headers: &HeaderMap,
) -> Result<Option<B3Headers>, ExtractError> {
    let Some(value) = one(headers, &B3, "b3")? else {
        return Ok(None);
    };
    let mut fields = value.split(|&byte| byte == b'-');
    let first = fields.next().unwrap_or_default();
    // A single field is a sampling decision.
    let Some(span_id) = fields.next() else {
        return Ok(Some(B3Headers::Decision(state(first)?)));
    };
    let sampling = fields.next().map(state).transpose()?.unwrap_or_default();
    let parent_id = fields.next().map(SpanId::parse).transpose()?;
    if fields.next().is_some() {
        return Err(ExtractError::Form("b3"));
    }
    caller(first, span_id, parent_id, sampling).map(Some)
}

/// Reads the `x-b3-*` headers.
pub(in crate::policies::telemetry) fn read_multi(
    headers: &HeaderMap,
) -> Result<Option<B3Headers>, ExtractError> {
    let trace_id = one(headers, &TRACE_ID, "x-b3-traceid")?;
    let span_id = one(headers, &SPAN_ID, "x-b3-spanid")?;
    let parent_id = one(headers, &PARENT_ID, "x-b3-parentspanid")?;
    let debug = one(headers, &FLAGS, "x-b3-flags")? == Some(b"1");
    let sampled = match one(headers, &SAMPLED, "x-b3-sampled")? {
        _ if debug => Some(true),
        // Early implementations wrote `true` and `false`.
        Some(b"1" | b"true") => Some(true),
        Some(b"0" | b"false") => Some(false),
        Some(_) => return Err(ExtractError::Flags),
        None => None,
    };
    let sampling = Sampling { debug, sampled };
    match (trace_id, span_id) {
        (Some(trace_id), Some(span_id)) => {
            let parent_id = parent_id.map(SpanId::parse).transpose()?;
            caller(trace_id, span_id, parent_id, sampling).map(Some)
        }
        (None, None) if sampled.is_some() => Ok(Some(B3Headers::Decision(sampling))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ExtractError::TraceId),
        (Some(_), None) => Err(ExtractError::SpanId),
    }
}

pub(in crate::policies::telemetry) fn write(
    trace: &TraceContext,
    formats: Propagation,
    headers: &mut HeaderMap,
) {
    if !formats.contains(Propagation::B3) && !formats.contains(Propagation::B3_MULTI) {
        return;
    }
    let digits = trace.trace_id.digits();
    // An id received with 64 bits is sent with 64: not every B3 reader supports 128.
    let short = trace.trace_id.get() >> 64 == 0;
    let trace_id = if short { &digits[16..] } else { &digits[..] };
    let span_id = trace.span_id.digits();
    let parent_id = trace.parent_id.map(SpanId::digits);
    if formats.contains(Propagation::B3) {
        let mut text = Vec::with_capacity(68);
        text.extend_from_slice(trace_id);
        text.push(b'-');
        text.extend_from_slice(&span_id);
        text.extend_from_slice(match (trace.debug, trace.sampled) {
            (true, _) => b"-d",
            (false, true) => b"-1",
            (false, false) => b"-0",
        });
        if let Some(parent_id) = parent_id {
            text.push(b'-');
            text.extend_from_slice(&parent_id);
        }
        headers.insert(&B3, value(&text));
    }
    if formats.contains(Propagation::B3_MULTI) {
        headers.insert(&TRACE_ID, value(trace_id));
        headers.insert(&SPAN_ID, value(&span_id));
        match parent_id {
            Some(parent_id) => headers.insert(&PARENT_ID, value(&parent_id)),
            None => headers.remove(&PARENT_ID),
        };
        // Debug implies a positive decision, which B3 then does not send.
        let (name, other) = if trace.debug {
            (&FLAGS, &SAMPLED)
        } else {
            (&SAMPLED, &FLAGS)
        };
        headers.remove(other);
        let bit = if trace.debug || trace.sampled {
            "1"
        } else {
            "0"
        };
        headers.insert(name, HeaderValue::from_static(bit));
    }
}

fn caller(
    trace_id: &[u8],
    span_id: &[u8],
    parent_id: Option<SpanId>,
    sampling: Sampling,
) -> Result<B3Headers, ExtractError> {
    let bits = hex(trace_id, 32).or_else(|| hex(trace_id, 16));
    let trace_id = bits.and_then(TraceId::new).ok_or(ExtractError::TraceId)?;
    let span_id = SpanId::parse(span_id)?;
    Ok(B3Headers::Caller(RemoteContext {
        debug: sampling.debug,
        parent_id,
        ..RemoteContext::new(trace_id, span_id, sampling.sampled)
    }))
}

fn state(text: &[u8]) -> Result<Sampling, ExtractError> {
    let (debug, sampled) = match text {
        b"0" => (false, false),
        b"1" => (false, true),
        b"d" => (true, true),
        _ => return Err(ExtractError::Flags),
    };
    let sampled = Some(sampled);
    Ok(Sampling { debug, sampled })
}

fn one<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    label: &'static str,
) -> Result<Option<&'a [u8]>, ExtractError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| trim(value.as_bytes()));
    match values.next() {
        Some(_) => Err(ExtractError::Duplicated(label)),
        None => Ok(first),
    }
}

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("digits and dashes are a header value")
}
