//! Protection of the page against web pages, callers without a token, and its own data.

pub(super) mod browser;
pub(super) mod headers;
pub(super) mod redact;
pub(super) mod token;
