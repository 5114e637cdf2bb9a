use std::borrow::Cow;
use std::cell::OnceCell;

use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::Addressed;
use crate::foundation::http::normal_path::normalized;
use crate::policies::traffic_split::TrafficSplitPolicy;

/// Input of route matching, read from a request once.
#[derive(Clone, Debug)]
pub(in crate::policies::traffic_split) struct MatchInput<'a> {
    /// Parsed authority, on demand: few routes inside a virtual host need it.
    addressed: OnceCell<Addressed<'a>>,
    pub(in crate::policies::traffic_split) head: RequestHead<'a>,
    path: Cow<'a, str>,
    ports: Option<&'a [u16]>,
}

impl<'a> MatchInput<'a> {
    pub(in crate::policies::traffic_split) fn of(
        head: RequestHead<'a>,
        policy: &'a TrafficSplitPolicy,
    ) -> Self {
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

    pub(in crate::policies::traffic_split) fn addressed(&self) -> &Addressed<'a> {
        self.addressed.get_or_init(|| Addressed::of(&self.head))
    }

    /// Says that the request came in at this port, or goes to it.
    pub(in crate::policies::traffic_split) fn is_for_port(&self, port: u16) -> bool {
        match self.ports {
            Some(ports) => ports.contains(&port),
            None => port == self.addressed().port(),
        }
    }

    pub(in crate::policies::traffic_split) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the normalized path if it differs from the original.
    pub(in crate::policies::traffic_split) fn changed_path(&self) -> Option<&str> {
        match &self.path {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path),
        }
    }
}
