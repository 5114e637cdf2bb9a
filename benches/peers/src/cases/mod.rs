//! Every row of the table.

mod circuit_breaker;
mod concurrency_limit;
mod five;
mod rate_limit;
mod retry;
mod timeout;

use crate::case::{Case, floors};

/// Creates every case, and first those that others are measured against. Needs a runtime.
pub fn all() -> Vec<Case> {
    let mut cases = floors();
    cases.extend(concurrency_limit::cases());
    cases.extend(rate_limit::cases());
    cases.extend(circuit_breaker::cases());
    cases.extend(retry::cases());
    cases.extend(timeout::cases());
    cases.extend(five::cases());
    cases
}
