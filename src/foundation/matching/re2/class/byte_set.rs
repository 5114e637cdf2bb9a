use std::fmt::Write as _;

/// A set of bytes: every RE2 class, because a pattern is matched with the bytes of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::foundation::matching::re2) struct ByteSet([u64; 4]);

const LETTERS: std::ops::RangeInclusive<u8> = b'a'..=b'z';

impl ByteSet {
    pub(in crate::foundation::matching::re2) const EMPTY: Self = Self([0; 4]);

    pub(in crate::foundation::matching::re2) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::EMPTY;
        for (low, high) in ranges {
            set.insert(*low, *high);
        }
        set
    }

    pub(in crate::foundation::matching::re2) fn insert(&mut self, low: u8, high: u8) {
        for byte in low..=high {
            self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
    }

    pub(in crate::foundation::matching::re2) fn add(&mut self, other: Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    pub(in crate::foundation::matching::re2) fn negated(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// Adds the other case of each letter. RE2 folds ASCII and nothing else when it matches bytes.
    pub(in crate::foundation::matching::re2) fn folded(mut self) -> Self {
        for lower in LETTERS {
            let upper = lower.to_ascii_uppercase();
            if self.has(lower) || self.has(upper) {
                self.insert(lower, lower);
                self.insert(upper, upper);
            }
        }
        self
    }

    pub(in crate::foundation::matching::re2) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] & (1 << (byte % 64)) != 0
    }

    /// Writes the set in the syntax of the `regex` crate without Unicode.
    pub(in crate::foundation::matching::re2) fn write(self, out: &mut String) {
        let runs = self.runs();
        match runs[..] {
            // A class of that crate may not be empty, but may leave everything out.
            [] => out.push_str(r"[^\x00-\xff]"),
            [(one, same)] if one == same => write_byte(one, out),
            _ => {
                out.push('[');
                for (low, high) in runs {
                    write_byte(low, out);
                    if low != high {
                        out.push('-');
                        write_byte(high, out);
                    }
                }
                out.push(']');
            }
        }
    }

    fn runs(self) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|byte| self.has(*byte)) {
            match runs.last_mut() {
                Some((_, high)) if *high + 1 == byte => *high = byte,
                _ => runs.push((byte, byte)),
            }
        }
        runs
    }
}

fn write_byte(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        write!(out, r"\x{byte:02x}").expect("a string takes every text");
    }
}
