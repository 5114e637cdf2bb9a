use crate::foundation::events::EventKind;
use crate::foundation::outcome::{Elapsed, Rejection, ResponseFlags};
use crate::integrations::prometheus::description::{self, Description};

/// Metric that an event changes, with the labels beside those of its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<'a> {
    pub(super) change: Change,
    pub(super) description: Description,
    pub(super) labels: [(&'static str, &'a str); 2],
    /// True if the source's host is one that a caller may have made up.
    pub(super) is_of_any_host: bool,
}

/// Change of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    Add(i64),
    Set(i64),
}

/// Place of a label that a metric does not have.
const NONE: (&str, &str) = ("", "");

impl<'a> Decision<'a> {
    fn new(description: Description, labels: [(&'static str, &'a str); 2]) -> Self {
        Self {
            change: Change::Add(1),
            description,
            labels,
            is_of_any_host: false,
        }
    }

    fn with_change(self, change: Change) -> Self {
        Self { change, ..self }
    }

    /// Returns the changes that an event makes, of two metrics at the most.
    pub(super) fn of(event: &'a EventKind, reason: &'static str) -> [Option<Self>; 2] {
        let of_reason = [("reason", reason), NONE];
        let one = |description| [Some(Self::new(description, of_reason)), None];
        let circuit = |state: &'static str, number| {
            let labels = [("state", state), ("reason", reason)];
            let state = Self::new(description::CIRCUIT_STATE, [NONE, NONE]);
            [
                Some(Self::new(description::CIRCUIT_TRANSITIONS, labels)),
                Some(state.with_change(Change::Set(number))),
            ]
        };
        let ejected = |number| {
            let ejected = Self::new(description::EJECTED, [NONE, NONE]);
            Some(ejected.with_change(Change::Add(number)))
        };
        match event {
            EventKind::BodyTimedOut(elapsed) => {
                let timeout = match elapsed {
                    Elapsed::Idle(_) => "idle",
                    Elapsed::Total(_) => "total",
                };
                let labels = [("timeout", timeout), NONE];
                [Some(Self::new(description::BODY_TIMEOUTS, labels)), None]
            }
            EventKind::CircuitClosed => circuit("closed", 0),
            EventKind::CircuitHalfOpened => circuit("half_open", 2),
            EventKind::CircuitOpened { .. } => circuit("open", 3),
            EventKind::CircuitRecovering { .. } => circuit("recovering", 1),
            EventKind::CircuitWouldOpen { .. } => one(description::CIRCUIT_WOULD_OPEN),
            EventKind::EjectionSuppressed { .. } => one(description::EJECTIONS_SUPPRESSED),
            EventKind::EndpointEjected { .. } => [
                Some(Self::new(description::EJECTIONS, of_reason)),
                ejected(1),
            ],
            EventKind::EndpointUnejected(_) => [None, ejected(-1)],
            EventKind::MirrorDropped(_) => one(description::MIRRORS_DROPPED),
            EventKind::MirrorFailed(_) => one(description::MIRRORS_FAILED),
            EventKind::NameResolved { endpoints, name } => {
                let result = [("name", &**name), ("result", "success")];
                let number = i64::try_from(*endpoints).unwrap_or(i64::MAX);
                let endpoints = Self::new(description::DNS_ENDPOINTS, [("name", name), NONE]);
                [
                    Some(Self::new(description::DNS_RESOLUTIONS, result)),
                    Some(endpoints.with_change(Change::Set(number))),
                ]
            }
            EventKind::NameUnresolved { name, .. } => {
                let result = [("name", &**name), ("result", reason)];
                [Some(Self::new(description::DNS_RESOLUTIONS, result)), None]
            }
            EventKind::Rejected(rejection) => [
                Some(Self::rejection(description::REJECTIONS, *rejection)),
                None,
            ],
            EventKind::WouldReject(rejection) => [
                Some(Self::rejection(description::WOULD_REJECT, *rejection)),
                None,
            ],
            EventKind::RetryStopped(_) => one(description::RETRIES_STOPPED),
            EventKind::Retrying { .. } => {
                [Some(Self::new(description::RETRIES, [NONE, NONE])), None]
            }
            // Requests and attempts have tables of their own, and a warning is said once.
            _ => [None, None],
        }
    }

    fn rejection(description: Description, rejection: Rejection) -> Self {
        let flag = rejection.flag();
        debug_assert!(flag == "-" || !ResponseFlags::parse(flag).is_empty());
        let labels = [("policy", rejection.policy()), ("response_flags", flag)];
        Self {
            is_of_any_host: matches!(
                rejection,
                Rejection::BadRequest(_) | Rejection::NoRoute | Rejection::UnknownHost
            ),
            ..Self::new(description, labels)
        }
    }
}
