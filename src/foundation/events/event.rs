use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::EventKind;
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::Source;

/// A state change or decision of a policy, or the end of a request, with its source.
///
/// Its [`Display`] is the line in the log, without the source.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    kind: &'a EventKind,
    source: &'a Arc<Source>,
}

impl<'a> Event<'a> {
    /// Creates an event, to report the decision of a policy of your own or to test an observer.
    #[must_use]
    pub const fn new(kind: &'a EventKind, source: &'a Arc<Source>) -> Self {
        Self { kind, source }
    }

    /// Returns the event apart from its source.
    #[must_use]
    pub const fn kind(&self) -> &'a EventKind {
        self.kind
    }

    /// Returns the layer and its position in the mesh; clone the [`Arc`] to keep it.
    #[must_use]
    pub const fn source(&self) -> &'a Arc<Source> {
        self.source
    }

    /// Returns the name of the event, such as `circuit_opened`: stable, for labels.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Returns the policy that reports it, by its module: `retry`, `circuit_breaker`, `dns`;
    /// `telemetry` for the end of a request or attempt.
    #[must_use]
    pub const fn policy(&self) -> &'static str {
        self.kind.policy()
    }

    /// Returns the endpoint that it concerns, if it is known.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&'a Endpoint> {
        self.kind.endpoint()
    }

    /// Returns the reason as a label; none for an event without one.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.kind.reason()
    }
}

impl Display for Event<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self.kind, f)
    }
}
