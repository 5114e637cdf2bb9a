//! Parser of an upstream's own limits: `RateLimit`, `RateLimit-Policy` and `Retry-After`.
//!
//! # Example
//!
//! ```
//! use meshless::rate_limit::upstream_limits::ServiceLimit;
//!
//! let limits = ServiceLimit::parse("\"permin\";r=0;t=12").unwrap();
//! assert_eq!(limits[0].remaining, 0);
//! assert_eq!(limits[0].reset, Some(std::time::Duration::from_secs(12)));
//! ```

mod fields;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};

use self::fields::Item;
use crate::foundation::http::retry_after;

/// The policy of an upstream's limit, an item of `RateLimit-Policy`
/// (draft-ietf-httpapi-ratelimit-headers).
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuotaPolicy {
    /// Name of the limit.
    pub name: String,
    /// Partition key in base64: the client or resource that the limit is counted for.
    pub partition_key: Option<String>,
    /// Allowed amount in a window.
    pub quota: u64,
    /// Unit of the amount; `None` for requests.
    pub unit: Option<String>,
    /// Length of the window.
    pub window: Option<Duration>,
}

/// The status of an upstream's limit, an item of `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers).
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceLimit {
    /// Name of the limit.
    pub name: String,
    /// Partition key in base64: the client or resource that the limit is counted for.
    pub partition_key: Option<String>,
    /// Amount that is left.
    pub remaining: u64,
    /// Time for which that amount has to last.
    pub reset: Option<Duration>,
}

impl QuotaPolicy {
    /// Parses the value of `RateLimit-Policy`; `None` if any part of it is malformed, as the draft
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
    /// Parses the value of `RateLimit`; `None` if any part of it is malformed, as the draft
    /// demands.
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
///
/// Limits are read as the current draft writes them (`"minute";r=0;t=12`), as draft 7 did (`limit=5,
/// remaining=0, reset=12`) and as draft 6 did (`RateLimit-Remaining` and `RateLimit-Reset`). Those of a response
/// with `Age` are not: it lay in a cache, and what they say is over.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let retry_after = headers.get(header::RETRY_AFTER).and_then(text);
    if let Some(wait) = retry_after.and_then(|value| retry_after::wait(value.trim(), || now)) {
        return Some(wait);
    }
    if headers.contains_key(header::AGE) {
        return None;
    }
    let values = headers.get_all("ratelimit").into_iter().filter_map(text);
    let limits = values.filter_map(|value| {
        ServiceLimit::parse(value).or_else(|| dictionary(value).map(|limit| vec![limit]))
    });
    let used_up = limits
        .flatten()
        .chain(separate(headers))
        .filter(|limit| limit.remaining == 0);
    used_up.filter_map(|limit| limit.reset).max()
}

/// Reads the dictionary of draft 7: `limit=5, remaining=0, reset=12`.
fn dictionary(value: &str) -> Option<ServiceLimit> {
    let member = |wanted: &str| {
        let mut members = value.split(',').filter_map(|member| member.split_once('='));
        let (_, value) = members.find(|(name, _)| name.trim() == wanted)?;
        first_number(value)
    };
    limit(member("remaining"), member("reset"))
}

/// Reads the fields of draft 6, one for each number.
fn separate(headers: &HeaderMap) -> Option<ServiceLimit> {
    let field = |name| headers.get(name).and_then(text).and_then(first_number);
    limit(field("ratelimit-remaining"), field("ratelimit-reset"))
}

/// A limit that has no name.
fn limit(remaining: Option<u64>, reset: Option<u64>) -> Option<ServiceLimit> {
    Some(ServiceLimit {
        name: String::new(),
        partition_key: None,
        remaining: remaining?,
        reset: reset.map(Duration::from_secs),
    })
}

/// Reads a number in front of its parameters.
fn first_number(value: &str) -> Option<u64> {
    retry_after::seconds(value.split(';').next()?.trim())
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

fn parse<T>(value: &str, read: impl Fn(Item) -> Option<T>) -> Option<Vec<T>> {
    let items = fields::list(value)?;
    items.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn wait_of(fields: &[(&'static str, &'static str)]) -> Option<u64> {
        let fields = fields.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let headers: HeaderMap = fields.collect();
        retry_after(&headers, SystemTime::UNIX_EPOCH).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_limit_is_read_as_each_draft_wrote_it() {
        for (fields, expected) in [
            (&[("ratelimit", "\"a\";r=0;t=7")][..], Some(7)),
            (&[("ratelimit", "limit=2, remaining=0, reset=60")], Some(60)),
            (
                &[("ratelimit", "limit=2,remaining=0;x=1,reset=60;y")],
                Some(60),
            ),
            (&[("ratelimit", "limit=2, remaining=1, reset=60")], None),
            (&[("ratelimit", "limit=2, reset=60")], None),
            (
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "60")],
                Some(60),
            ),
            (
                &[("ratelimit-remaining", "3"), ("ratelimit-reset", "60")],
                None,
            ),
            (&[("ratelimit-reset", "60")], None),
            (
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "soon")],
                None,
            ),
            (&[("retry-after", "+1")], Some(1)),
            (&[("retry-after", "99999999999999999999")], Some(u64::MAX)),
        ] {
            assert_eq!(wait_of(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_a_cached_response_tells_of_a_limit_is_over() {
        let old = [("ratelimit", "\"a\";r=0;t=7"), ("age", "30")];
        assert_eq!(wait_of(&old), None);
        assert_eq!(wait_of(&[("retry-after", "5"), ("age", "30")]), Some(5));
    }
}
