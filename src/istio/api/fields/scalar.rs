//! Readers of strings, numbers and durations.

use std::time::Duration;

use super::descriptor::{FieldDescriptor, TypeDescriptor};
use super::read::{Read, Reader};
use crate::foundation::time::duration::{self, DurationError};
use crate::istio::syntax::tree::{NodeId, Value};

const INTEGER: &TypeDescriptor = &TypeDescriptor::scalar("integer");
const STRING: &TypeDescriptor = &TypeDescriptor::scalar("string");

impl Read for String {
    const TYPE: &'static TypeDescriptor = STRING;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.tree.text(at).map(Self::from);
        if text.is_none() {
            reader.wrong(at, "a text");
        }
        text
    }
}

impl Read for bool {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::scalar("boolean");

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Bool(value) = reader.tree.value(at) {
            return Some(*value);
        }
        reader.wrong(at, "true or false");
        None
    }
}

impl Read for i32 {
    const TYPE: &'static TypeDescriptor = INTEGER;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let kind = "an integer of 32 bits";
        let value = reader.integer(at, Self::MIN.into(), Self::MAX.into(), kind)?;
        Self::try_from(value).ok()
    }
}

impl Read for u32 {
    const TYPE: &'static TypeDescriptor = INTEGER;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let kind = "an integer from 0 to 4294967295";
        let value = reader.integer(at, 0, Self::MAX.into(), kind)?;
        Self::try_from(value).ok()
    }
}

impl Read for f64 {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::scalar("number");

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        match reader.tree.value(at) {
            Value::Float(value) if value.is_finite() => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "percentages are small")]
            Value::Int(value) => Some(*value as Self),
            _ => {
                reader.wrong(at, "a number");
                None
            }
        }
    }
}

impl Read for Duration {
    const TYPE: &'static TypeDescriptor = STRING;

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if reader.envoy && matches!(reader.tree.value(at), Value::Map(_)) {
            return seconds(at, reader);
        }
        match reader.tree.text(at).map(duration::parse) {
            Some(Ok(duration)) => return Some(duration),
            Some(Err(DurationError::Negative)) => {
                reader.wrong(at, "a duration that is not negative");
            }
            _ => reader.wrong(at, "a duration such as 10s, 0.5s or 1m"),
        }
        None
    }
}

const SECONDS: &[FieldDescriptor] = &[
    FieldDescriptor::plain("seconds", INTEGER),
    FieldDescriptor::plain("nanos", INTEGER),
];

/// Reads `{seconds: 60, nanos: 0}`, as some write a duration for Envoy.
fn seconds(at: NodeId, reader: &mut Reader<'_>) -> Option<Duration> {
    let fields = reader.message(at, SECONDS)?;
    reader.leave();
    let mut part = |at: Option<NodeId>| match at {
        Some(at) => u32::read(at, reader),
        None => Some(0),
    };
    let (seconds, nanos) = (part(fields[0])?, part(fields[1])?);
    Some(Duration::new(seconds.into(), nanos.min(999_999_999)))
}

impl Reader<'_> {
    fn integer(&mut self, at: NodeId, min: i128, max: i128, kind: &str) -> Option<i128> {
        let value = match self.tree.value(at) {
            Value::Int(value) => Some(*value),
            // Protobuf's JSON form accepts 10.0 as an integer.
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e15")]
                let value = *value as i128;
                Some(value)
            }
            _ => None,
        };
        match value {
            Some(value) if (min..=max).contains(&value) => Some(value),
            _ => {
                self.wrong(at, kind);
                None
            }
        }
    }
}
