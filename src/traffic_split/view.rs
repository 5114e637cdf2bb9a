use std::borrow::Cow;

use super::TrafficSplitPolicy;
use super::normalize::normalized;
use crate::base::RequestHead;
use crate::base::authority::{authority, default_port, scheme, split_port};

/// What matches look at, taken from a request once.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) authority: &'a str,
    /// The port that the request is addressed to, if it names one.
    pub(super) explicit_port: Option<u16>,
    pub(super) head: RequestHead<'a>,
    pub(super) host: &'a str,
    /// The authority names the port that its scheme stands for anyway.
    pub(super) host_has_default_port: bool,
    path: Cow<'a, str>,
    pub(super) port: u16,
    pub(super) scheme: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn of(head: RequestHead<'a>, policy: &TrafficSplitPolicy) -> Self {
        let authority = authority(&head);
        let scheme = scheme(&head);
        let (host, host_port) = split_port(authority);
        // A client's URI says where the request goes, whatever the `Host` header does.
        let explicit_port = match head.uri().authority() {
            Some(address) => address.port_u16(),
            None => host_port,
        };
        let path = head.uri().path();
        Self {
            authority,
            explicit_port,
            head,
            host,
            host_has_default_port: host_port == Some(default_port(scheme)),
            path: if policy.normalizes_paths() {
                normalized(path)
            } else {
                Cow::Borrowed(path)
            },
            port: explicit_port.unwrap_or_else(|| default_port(scheme)),
            scheme,
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
