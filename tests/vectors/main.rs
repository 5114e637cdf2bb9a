//! Inputs with expected results from the test suites of the systems whose behaviour this crate
//! reproduces. Each case names its source.

mod rate_limit;
mod rate_limit_filter;
mod tally;
