//! Durations in a configuration: texts such as `1m30s`.

use std::time::Duration;

use serde::ser::Serializer;

use super::{DurationError, parse_any};
use crate::foundation::config::{Leaf, Path, Refusal, Scalar, leaf};

leaf!(Duration);

impl Leaf for Duration {
    const EXPECTED: &'static str =
        "a duration: write numbers with their units, such as `500ms`, `1.5s` or `1m30s`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text(text) => parse_any(text).map_err(|error| match error {
                DurationError::Negative => Refusal::because("must not be negative"),
                DurationError::NotADuration => Refusal::Other,
            }),
            // A number would mean seconds to one reader and milliseconds to the next.
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::text(*self))
    }
}
