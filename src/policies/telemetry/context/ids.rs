use std::fmt::{self, Debug, Display, Formatter};
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use super::hex::{hex, hex_of};
use crate::foundation::sync::rng::Rng;
use crate::policies::telemetry::ExtractError;

/// Identifier of a trace: all work for one request of a user, in every service.
///
/// Displayed as 32 lower-case hexadecimal digits, never all zero.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// Creates an id from its 128 bits; returns none for zero, which W3C Trace Context forbids.
    #[must_use]
    pub const fn new(bits: u128) -> Option<Self> {
        match NonZeroU128::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Returns the 128 bits.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0.get()
    }

    #[inline]
    pub(in crate::policies::telemetry) fn digits(self) -> [u8; 32] {
        hex_of(self.get().to_be_bytes())
    }

    pub(in crate::policies::telemetry) fn random(rng: &Rng) -> Self {
        let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        // Zero is invalid, and occurs once in 2^128 draws.
        Self(NonZeroU128::new(bits).unwrap_or(NonZeroU128::MIN))
    }
}

/// Identifier of a span: the work of one service in a trace, or one call that it makes.
///
/// Displayed as 16 lower-case hexadecimal digits, never all zero.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// Creates an id from its 64 bits; returns none for zero, which W3C Trace Context forbids.
    #[must_use]
    pub const fn new(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// Returns the 64 bits.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    #[inline]
    pub(in crate::policies::telemetry) fn digits(self) -> [u8; 16] {
        hex_of(self.get().to_be_bytes())
    }

    pub(in crate::policies::telemetry) fn random(rng: &Rng) -> Self {
        Self(NonZeroU64::new(rng.next_u64()).unwrap_or(NonZeroU64::MIN))
    }

    pub(in crate::policies::telemetry) fn parse(digits: &[u8]) -> Result<Self, ExtractError> {
        let bits = hex(digits, 16).and_then(|bits| u64::try_from(bits).ok());
        bits.and_then(Self::new).ok_or(ExtractError::SpanId)
    }
}

impl Display for TraceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Debug for TraceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl FromStr for TraceId {
    type Err = ExtractError;

    fn from_str(digits: &str) -> Result<Self, ExtractError> {
        let bits = hex(digits.as_bytes(), 32).and_then(Self::new);
        bits.ok_or(ExtractError::TraceId)
    }
}

impl Display for SpanId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Debug for SpanId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

impl FromStr for SpanId {
    type Err = ExtractError;

    fn from_str(digits: &str) -> Result<Self, ExtractError> {
        Self::parse(digits.as_bytes())
    }
}
