//! Counts which cases of a file of vectors ran, so that none goes missing in silence.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Reads a file of vectors.
pub(crate) fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("the vectors are part of the project");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

/// How many cases of one file ran, and how many were left out for which reason.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    foreign: BTreeMap<&'static str, usize>,
    ran: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// Counts a case that ran.
    pub(crate) fn ran(&mut self) {
        self.ran += 1;
    }

    /// Counts a case of something that this crate does not have at all, by what that is.
    pub(crate) fn foreign(&mut self, what: &'static str) {
        *self.foreign.entry(what).or_default() += 1;
    }

    /// Counts a case that does not apply, by the kind it is of and the reason.
    pub(crate) fn skipped(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Asserts how many cases are of things that this crate does not have, and the
    /// [rest](Self::assert).
    pub(crate) fn assert_with_foreign(&self, ran: usize, skipped: usize, foreign: usize) {
        let found: usize = self.foreign.values().sum();
        assert_eq!(found, foreign, "{:#?}", self.foreign);
        self.assert(ran, skipped);
    }

    /// Asserts both numbers, and that nine in ten cases ran of what this crate has.
    pub(crate) fn assert(&self, ran: usize, skipped: usize) {
        let left_out: usize = self.skipped.values().sum();
        assert_eq!((self.ran, left_out), (ran, skipped), "{:#?}", self.skipped);
        assert!(
            ran * 10 >= (ran + skipped) * 9,
            "{ran} ran, {:#?}",
            self.skipped
        );
    }
}
