//! RE2's regular expressions, as Envoy matches with them, on the `regex` crate.
//!
//! A pattern is read by RE2's grammar and written again in the other's, so that both mean the same:
//! neither backtracks, so that no text takes long to match. Texts are matched byte by byte (RE2's Latin-1), as
//! Envoy 1.40 does: `caf.` does not match `café`, whose last letter has two bytes; classes and `(?i)` know
//! ASCII only.

mod class;
mod escape;
mod flags;
mod invalid;
mod parser;
mod repetition;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::string_match::PatternError;
use parser::Parser;
use writer::Translation;

/// RE2's own default for the memory of a pattern, in bytes (`max_mem`).
const SIZE_LIMIT: usize = 8 << 20;
/// More than a translated pattern can have, which the parser bounds: the `regex` crate also counts alternatives
/// and sequences.
const NEST_LIMIT: u32 = 4_096;

/// A compiled pattern.
#[derive(Clone)]
pub(crate) struct Re2 {
    groups: usize,
    pattern: Arc<str>,
    regex: Regex,
}

impl Re2 {
    /// Compiles a pattern that is searched for.
    pub(crate) fn part(pattern: &str) -> Result<Self, PatternError> {
        Self::compile(pattern, |translated| translated)
    }

    /// Compiles a pattern that has to cover the whole text.
    pub(crate) fn whole(pattern: &str) -> Result<Self, PatternError> {
        Self::compile(pattern, |translated| format!(r"\A(?:{translated})\z"))
    }

    /// The number of groups, without the one that is the whole match.
    pub(crate) const fn groups(&self) -> usize {
        self.groups
    }

    /// Returns the pattern as it was given.
    #[cfg(feature = "serde")]
    pub(crate) fn source(&self) -> &str {
        &self.pattern
    }

    /// Says whether the pattern is found.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Finds the groups of the first match.
    pub(crate) fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    /// Replaces every match; `substitute` is written as the `regex` crate does.
    pub(crate) fn replace_all(&self, text: &[u8], substitute: &[u8]) -> Vec<u8> {
        self.regex.replace_all(text, substitute).into_owned()
    }

    fn compile(pattern: &str, wrap: impl FnOnce(String) -> String) -> Result<Self, PatternError> {
        let translation = Parser::new(pattern).translate();
        let Translation {
            groups,
            pattern: translated,
        } = translation.map_err(|invalid| PatternError::new(pattern, invalid.to_string()))?;
        let regex = RegexBuilder::new(&wrap(translated))
            .unicode(false)
            .nest_limit(NEST_LIMIT)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| PatternError::new(pattern, format!("pattern too large: {error}")))?;
        Ok(Self {
            groups,
            pattern: pattern.into(),
            regex,
        })
    }
}

impl Debug for Re2 {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Re2").field(&self.pattern).finish()
    }
}
