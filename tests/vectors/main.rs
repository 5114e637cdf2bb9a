//! Inputs with expected results from the test suites of the systems whose behaviour this crate
//! reproduces. Each case names its source.

#[expect(dead_code, reason = "for the files of vectors to come")]
mod tally;
