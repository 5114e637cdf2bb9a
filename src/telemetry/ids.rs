use std::fmt::{self, Debug, Display, Formatter};
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use super::InvalidTrace;
use crate::base::dice::Dice;

/// Names a trace: everything that happens for one request of one user, in every service.
///
/// Shown as 32 lower-case hexadecimal digits, never all zero.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// Creates an id from its 128 bits; none from zero, which W3C Trace Context forbids.
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
    pub(super) fn digits(self) -> [u8; 32] {
        hex_of(self.get().to_be_bytes())
    }

    pub(super) fn random(dice: &Dice) -> Self {
        let bits = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
        Self(NonZeroU128::new(bits).unwrap_or(NonZeroU128::MIN))
    }
}

/// Names a span: one service's part in a trace, or one call that it makes.
///
/// Shown as 16 lower-case hexadecimal digits, never all zero.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// Creates an id from its 64 bits; none from zero, which W3C Trace Context forbids.
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
    pub(super) fn digits(self) -> [u8; 16] {
        hex_of(self.get().to_be_bytes())
    }

    pub(super) fn random(dice: &Dice) -> Self {
        Self(NonZeroU64::new(dice.roll()).unwrap_or(NonZeroU64::MIN))
    }

    pub(super) fn parse(digits: &[u8]) -> Result<Self, InvalidTrace> {
        let bits = hex(digits, 16).and_then(|bits| u64::try_from(bits).ok());
        bits.and_then(Self::new).ok_or(InvalidTrace::SpanId)
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
    type Err = InvalidTrace;

    fn from_str(digits: &str) -> Result<Self, InvalidTrace> {
        let bits = hex(digits.as_bytes(), 32).and_then(Self::new);
        bits.ok_or(InvalidTrace::TraceId)
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
    type Err = InvalidTrace;

    fn from_str(digits: &str) -> Result<Self, InvalidTrace> {
        Self::parse(digits.as_bytes())
    }
}

/// Reads exactly `length` digits, at most 32; W3C and B3 both know lower case only.
pub(super) fn hex(digits: &[u8], length: usize) -> Option<u128> {
    if digits.len() != length {
        return None;
    }
    digits.iter().try_fold(0, |bits, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(bits << 4 | u128::from(digit))
    })
}

/// Returns the digits of `bytes`, twice as many and a multiple of eight.
#[inline]
pub(super) fn hex_of<const BYTES: usize, const DIGITS: usize>(bytes: [u8; BYTES]) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    let (words, _) = digits.as_chunks_mut();
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = eight_digits(u32::from_be_bytes(*bytes));
    }
    digits
}

/// Returns the digits of 32 bits, all eight at once: a byte of one word for each.
#[inline]
const fn eight_digits(bits: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let spread = bits as u64;
    let spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff;
    let spread = (spread << 8 | spread) & (0xff * 0x0001_0001_0001_0001);
    let nibbles = (spread << 4 | spread) & (0xf * EACH);
    // 10 and more carry into the fifth bit, and stand further on in ASCII.
    let letters = (nibbles + 6 * EACH) >> 4 & EACH;
    let further = (b'a' - b'0' - 10) as u64;
    (nibbles + b'0' as u64 * EACH + letters * further).to_be_bytes()
}
