//! Matchers of strings and hosts.

pub(crate) mod host_index;
pub(crate) mod host_pattern;
pub(crate) mod re2;
pub(crate) mod string_match;

pub use host_pattern::HostPattern;
pub use string_match::PatternError;
pub use string_match::StringMatch;
