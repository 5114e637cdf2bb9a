use std::borrow::Cow;
use std::cell::OnceCell;

use super::TrafficSplitPolicy;
use super::normalize::normalized;
use crate::base::RequestHead;
use crate::base::authority::Addressed;

/// What matches look at, taken from a request once.
#[derive(Clone, Debug)]
pub(super) struct MatchInput<'a> {
    /// Whom it addresses: the routes of a host seldom ask.
    addressed: OnceCell<Addressed<'a>>,
    pub(super) head: RequestHead<'a>,
    path: Cow<'a, str>,
    ports: Option<&'a [u16]>,
}

impl<'a> MatchInput<'a> {
    pub(super) fn of(head: RequestHead<'a>, policy: &'a TrafficSplitPolicy) -> Self {
        let path = head.uri().path();
        Self {
            addressed: OnceCell::new(),
            head,
            path: if policy.normalizes_paths() {
                normalized(path)
            } else {
                Cow::Borrowed(path)
            },
            ports: policy.ports(),
        }
    }

    pub(super) fn addressed(&self) -> &Addressed<'a> {
        self.addressed.get_or_init(|| Addressed::of(&self.head))
    }

    /// Says that the request came in at this port, or goes to it.
    pub(super) fn is_for_port(&self, port: u16) -> bool {
        match self.ports {
            Some(ports) => ports.contains(&port),
            None => port == self.addressed().port(),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the normal form of a path that is not in it.
    pub(super) fn changed_path(&self) -> Option<&str> {
        match &self.path {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path),
        }
    }
}
