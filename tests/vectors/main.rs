//! Inputs with expected results from the test suites of the systems whose behaviour this crate
//! reproduces. Each case names its source.

mod tally;
mod traffic_split;
