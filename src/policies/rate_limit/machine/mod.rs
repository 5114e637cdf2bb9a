//! State machines of a rate limit: token bucket and sliding log.

#[cfg(test)]
pub(in crate::policies::rate_limit) mod machine_tests;
pub(in crate::policies::rate_limit) mod sliding_log;
pub(in crate::policies::rate_limit) mod token_bucket;

use super::Status;
