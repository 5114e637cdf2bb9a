#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::condition::{Condition, UnknownCondition};
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::Outcome;

/// Set of outcomes that are retried.
///
/// Parsed from Istio's `retryOn`, or built by hand:
///
/// ```
/// use http::StatusCode;
/// use meshless::retry::{Condition, RetryOn};
///
/// let parsed = RetryOn::parse("connect-failure,reset,503")?;
/// let built = RetryOn::none()
///     .with(Condition::ConnectFailure)
///     .with(Condition::Reset)
///     .with_status(StatusCode::SERVICE_UNAVAILABLE);
/// assert_eq!(parsed, built);
///
/// let error = RetryOn::parse("5xx,conect-failure").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`conect-failure` is not a retry condition; did you mean `connect-failure`?",
/// );
/// # Ok::<_, meshless::retry::UnknownCondition>(())
/// ```
#[derive(Clone, Default)]
pub struct RetryOn {
    pub(super) conditions: u32,
    pub(super) grpc: u32,
    pub(super) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(super) predicate: Option<ResponsePredicate>,
    statuses: Vec<StatusCode>,
}

pub(super) type ResponsePredicate =
    Arc<dyn Fn(Outcome, Option<&HeaderMap>) -> Option<bool> + Send + Sync>;

impl RetryOn {
    /// Returns the empty set: nothing is retried.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            conditions: 0,
            grpc: 0,
            headers: Vec::new(),
            predicate: None,
            statuses: Vec::new(),
        }
    }

    /// Returns Istio's default: `connect-failure`, `refused-stream`, `unavailable`, `cancelled`,
    /// and `retriable-status-codes` with an empty list of codes.
    #[must_use]
    pub fn istio() -> Self {
        Self::none()
            .with(Condition::ConnectFailure)
            .with(Condition::RefusedStream)
            .with(Condition::Unavailable)
            .with(Condition::Cancelled)
            .with(Condition::RetriableStatusCodes)
    }

    /// Parses a comma-separated list of conditions and HTTP statuses, as in Istio's `retryOn`.
    /// Blanks around a name are dropped, as are empty names.
    ///
    /// # Errors
    ///
    /// Returns the first unknown condition, with the most similar known one.
    pub fn parse(list: &str) -> Result<Self, UnknownCondition> {
        let (known, unknown) = Self::parse_known(list);
        unknown.into_iter().next().map_or(Ok(known), Err)
    }

    /// Parses a list like [`RetryOn::parse`], and returns its unknown names next to its known ones.
    /// Envoy ignores unknown names.
    #[must_use]
    pub fn parse_known(list: &str) -> (Self, Vec<UnknownCondition>) {
        let mut known = Self::none();
        let mut unknown = Vec::new();
        for name in list.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            if let Some(condition) = Condition::from_name(name) {
                known = known.with(condition);
            } else if let Some(status) = status(name) {
                known = known.with_status(status);
            } else {
                unknown.push(UnknownCondition::new(name));
            }
        }
        (known, unknown)
    }

    /// Adds a condition.
    #[must_use]
    pub const fn with(mut self, condition: Condition) -> Self {
        self.conditions |= condition.bit();
        self
    }

    /// Adds an HTTP status, and the condition that enables statuses.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        if !self.statuses.contains(&status) {
            self.statuses.push(status);
        }
        self.with(Condition::RetriableStatusCodes)
    }

    /// Adds a gRPC status in the head of a response; Envoy has names for five of them.
    #[must_use]
    pub const fn with_grpc_status(mut self, status: GrpcStatus) -> Self {
        self.grpc |= 1 << status.code();
        self
    }

    /// Adds a response header, with any value or with this one, and the condition that enables
    /// headers. Each value of a repeated header is compared by itself.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.headers.push((name, value));
        self.with(Condition::RetriableHeaders)
    }

    /// Adds a custom function, called before the conditions with the outcome and the headers of the
    /// response, if there is one. `None` leaves the decision to the conditions.
    ///
    /// The safety rules still apply: method, budget, deadline and number of attempts.
    #[must_use]
    pub fn with_predicate(
        mut self,
        own: impl Fn(Outcome, Option<&HeaderMap>) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Arc::new(own));
        self
    }

    /// Returns true if the set contains a condition.
    #[must_use]
    pub const fn contains(&self, condition: Condition) -> bool {
        self.conditions & condition.bit() != 0
    }

    /// Returns the HTTP statuses, in the order in which they were added.
    #[must_use]
    pub fn statuses(&self) -> &[StatusCode] {
        &self.statuses
    }

    /// Returns the conditions, in the order of Istio's reference.
    pub fn conditions(&self) -> impl Iterator<Item = Condition> {
        let set = self.conditions;
        Condition::ALL
            .into_iter()
            .filter(move |condition| set & condition.bit() != 0)
    }

    /// Returns true if nothing can match.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions == 0 && self.grpc == 0 && self.predicate.is_none()
    }
}

/// Parses a number in the range that Istio accepts as an HTTP status.
fn status(name: &str) -> Option<StatusCode> {
    let code: u16 = name.parse().ok()?;
    (200..600).contains(&code).then_some(())?;
    StatusCode::from_u16(code).ok()
}

/// Writes the list as Istio's `retryOn`.
impl Display for RetryOn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for condition in self.conditions() {
            write!(f, "{comma}{condition}")?;
            comma = ",";
        }
        for status in &self.statuses {
            write!(f, "{comma}{}", status.as_u16())?;
            comma = ",";
        }
        Ok(())
    }
}

impl Debug for RetryOn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryOn")
            .field("list", &self.to_string())
            .field("headers", &self.headers)
            .field("own", &self.predicate.is_some())
            .finish_non_exhaustive()
    }
}

/// Custom functions are equal if they are the same allocation.
impl PartialEq for RetryOn {
    fn eq(&self, other: &Self) -> bool {
        let own = match (&self.predicate, &other.predicate) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        own && self.conditions == other.conditions
            && self.grpc == other.grpc
            && self.headers == other.headers
            && self.statuses == other.statuses
    }
}

impl Eq for RetryOn {}
