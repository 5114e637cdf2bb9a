use std::borrow::Cow;

use super::TrafficSplitPolicy;
use super::normalize::normalized;
use crate::base::RequestHead;
use crate::base::authority::{authority, default_port, scheme, split_port};

/// What matches look at, taken from a request once.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) authority: &'a str,
    pub(super) explicit_port: Option<u16>,
    pub(super) head: RequestHead<'a>,
    pub(super) host: &'a str,
    path: Cow<'a, str>,
    pub(super) port: u16,
    pub(super) scheme: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn of(head: RequestHead<'a>, policy: &TrafficSplitPolicy) -> Self {
        let authority = authority(&head);
        let scheme = scheme(&head);
        let (host, port) = split_port(authority);
        let path = head.uri().path();
        Self {
            authority,
            explicit_port: port,
            head,
            host,
            path: if policy.normalizes_paths() {
                normalized(path)
            } else {
                Cow::Borrowed(path)
            },
            port: port.unwrap_or_else(|| default_port(scheme)),
            scheme,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn has_default_port(&self) -> bool {
        self.port == default_port(self.scheme)
    }

    /// Returns the normal form of a path that is not in it.
    pub(super) fn changed_path(&self) -> Option<&str> {
        match &self.path {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path),
        }
    }
}
