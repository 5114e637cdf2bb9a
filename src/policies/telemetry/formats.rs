/// Set of header formats for trace contexts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Propagation(u8);

impl Propagation {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// `traceparent` and `tracestate`, the W3C Recommendation "Trace Context".
    pub const W3C: Self = Self(1);
    /// `b3`, Zipkin's format in one header.
    pub const B3: Self = Self(2);
    /// `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` and `x-b3-flags`, Zipkin's
    /// format in several headers.
    pub const B3_MULTI: Self = Self(4);
    /// All formats.
    pub const ALL: Self = Self(7);

    /// Returns the union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if this set contains all of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Restores a set from its [`bits`](Self::bits); higher bits are ignored.
    pub(super) const fn of_bits(bits: u32) -> Self {
        Self(bits.to_le_bytes()[0] & Self::ALL.0)
    }

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}
