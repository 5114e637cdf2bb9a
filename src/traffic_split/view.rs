use std::borrow::Cow;
use std::cell::OnceCell;

use super::TrafficSplitPolicy;
use super::normalize::normalized;
use crate::base::RequestHead;
use crate::base::authority::Addressed;

/// What matches look at, taken from a request once.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    /// Whom it addresses: the routes of a host seldom ask.
    addressed: OnceCell<Addressed<'a>>,
    pub(super) head: RequestHead<'a>,
    path: Cow<'a, str>,
}

impl<'a> View<'a> {
    pub(super) fn of(head: RequestHead<'a>, policy: &TrafficSplitPolicy) -> Self {
        let path = head.uri().path();
        Self {
            addressed: OnceCell::new(),
            head,
            path: if policy.normalizes_paths() {
                normalized(path)
            } else {
                Cow::Borrowed(path)
            },
        }
    }

    pub(super) fn addressed(&self) -> &Addressed<'a> {
        self.addressed.get_or_init(|| Addressed::of(&self.head))
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
