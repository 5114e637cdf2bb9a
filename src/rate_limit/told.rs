//! What an upstream tells about its own limits: `RateLimit`, `RateLimit-Policy` and `Retry-After`.
//!
//! # Example
//!
//! ```
//! use meshless::rate_limit::told::ServiceLimit;
//!
//! let limits = ServiceLimit::parse("\"permin\";r=0;t=12").unwrap();
//! assert_eq!(limits[0].remaining, 0);
//! assert_eq!(limits[0].reset, Some(std::time::Duration::from_secs(12)));
//! ```

mod fields;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use fields::Item;

/// A limit that an upstream has, as `RateLimit-Policy` tells it
/// (draft-ietf-httpapi-ratelimit-headers).
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuotaPolicy {
    /// The limit's name.
    pub name: String,
    /// Whom it counts for, in base64.
    pub partition_key: Option<String>,
    /// How much it allows.
    pub quota: u64,
    /// What it counts, unless that is requests.
    pub unit: Option<String>,
    /// In what time.
    pub window: Option<Duration>,
}

/// How much of an upstream's limit is left, as `RateLimit` tells it
/// (draft-ietf-httpapi-ratelimit-headers).
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceLimit {
    /// The limit's name.
    pub name: String,
    /// Whom it counts for, in base64.
    pub partition_key: Option<String>,
    /// How much is left.
    pub remaining: u64,
    /// For how long that has to last.
    pub reset: Option<Duration>,
}

impl QuotaPolicy {
    /// Reads the value of `RateLimit-Policy`; `None` if any part of it is malformed, as the draft
    /// demands.
    #[must_use]
    pub fn parse(value: &str) -> Option<Vec<Self>> {
        parse(value, |item| {
            Some(Self {
                quota: item.integer("q")??,
                window: item.integer("w")?.map(Duration::from_secs),
                unit: item.string("qu")?,
                partition_key: item.bytes("pk")?,
                name: item.name,
            })
        })
    }
}

impl ServiceLimit {
    /// Reads the value of `RateLimit`; `None` if any part of it is malformed, as the draft demands.
    #[must_use]
    pub fn parse(value: &str) -> Option<Vec<Self>> {
        parse(value, |item| {
            Some(Self {
                remaining: item.integer("r")??,
                reset: item.integer("t")?.map(Duration::from_secs),
                partition_key: item.bytes("pk")?,
                name: item.name,
            })
        })
    }
}

/// Finds how long an upstream asks its caller to stay away: what `Retry-After` says, in seconds or
/// as a date, or else until the last of the limits that are used up has something left.
#[must_use]
pub fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let retry_after = headers.get(header::RETRY_AFTER).and_then(text);
    if let Some(wait) = retry_after.and_then(|value| until(value.trim(), now)) {
        return Some(wait);
    }
    let limits = headers.get_all("ratelimit").into_iter().filter_map(text);
    let limits = limits
        .filter_map(|value| ServiceLimit::parse(&value))
        .flatten();
    let used_up = limits.filter(|limit| limit.remaining == 0);
    used_up.filter_map(|limit| limit.reset).max()
}

fn until(retry_after: &str, now: SystemTime) -> Option<Duration> {
    if retry_after.bytes().all(|byte| byte.is_ascii_digit()) {
        return retry_after.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(retry_after).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn parse<T>(value: &str, read: impl Fn(Item) -> Option<T>) -> Option<Vec<T>> {
    let items = fields::list(value)?;
    items.into_iter().map(read).collect()
}
