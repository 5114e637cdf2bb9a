use super::refusals::LocalReply;
use super::setting::Setting;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Origin;
use crate::mesh::service_mesh::proxy::state::Proxy;

/// Explanation of a request, by [`Workload::explain`](crate::mesh::Workload::explain),
/// [`Gateway::explain`](crate::mesh::Gateway::explain) or
/// [`ServerLayer::explain`](crate::mesh::ServerLayer::explain).
///
/// `Display` writes it for people, each value with `file:line`.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub(super) host: Option<(Box<str>, Option<Origin>)>,
    /// True if the request is one to a workload, which no route of the documents leads on.
    pub(super) is_inbound: bool,
    pub(super) listener: Vec<Setting>,
    pub(super) method: Box<str>,
    pub(super) replies: Vec<LocalReply>,
    pub(super) route: Option<ExplainedRoute>,
    pub(super) url: Box<str>,
    pub(super) workload: Box<str>,
}

/// Route of a request, with its policies and clusters.
#[derive(Clone, Debug)]
pub struct ExplainedRoute {
    pub(super) clusters: Vec<ExplainedCluster>,
    pub(super) index: usize,
    pub(super) name: Option<Box<str>>,
    pub(super) origin: Option<Origin>,
    pub(super) settings: Vec<Setting>,
}

/// Cluster that a route sends requests to, with its share and policies.
#[derive(Clone, Debug)]
pub struct ExplainedCluster {
    pub(super) name: Box<str>,
    pub(super) origin: Option<Origin>,
    pub(super) settings: Vec<Setting>,
    pub(super) total_weight: u64,
    pub(super) weight: u32,
}

impl Explanation {
    pub(super) fn new(proxy: &Proxy, head: RequestHead<'_>) -> Self {
        let workload = &proxy.workload;
        Self {
            host: None,
            is_inbound: false,
            listener: Vec::new(),
            method: head.method().as_str().into(),
            replies: Vec::new(),
            route: None,
            url: head.uri().to_string().into(),
            workload: format!("{}.{}", workload.name, workload.namespace).into(),
        }
    }

    /// Returns the settings of the place where the request arrives: the rate limits of a gateway or a workload, and
    /// the redirect of a gateway's server to HTTPS. A workload that sends the request has none.
    #[must_use]
    pub fn listener(&self) -> &[Setting] {
        &self.listener
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the calling workload, as `name.namespace`.
    #[must_use]
    pub fn workload(&self) -> &str {
        &self.workload
    }

    /// Returns the virtual host, such as `VirtualService namespace/name`, with its place; `None` if no document names
    /// the host of the request.
    #[must_use]
    pub fn virtual_host(&self) -> Option<(&str, Option<&Origin>)> {
        let (name, origin) = self.host.as_ref()?;
        Some((name, origin.as_ref()))
    }

    /// Returns the route; `None` if none matches, or if the host is rejected.
    #[must_use]
    pub const fn route(&self) -> Option<&ExplainedRoute> {
        self.route.as_ref()
    }

    /// Returns the answers that the request may get from a policy in place of an endpoint.
    #[must_use]
    pub fn local_replies(&self) -> &[LocalReply] {
        &self.replies
    }

    /// Returns the rejection that every such request gets.
    #[must_use]
    pub fn rejection(&self) -> Option<&LocalReply> {
        self.replies.iter().find(|reply| reply.is_certain())
    }
}

impl ExplainedRoute {
    /// Returns the index among the routes of the virtual host, from 0. Routes that no request of the workload can take
    /// do not count.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Returns the name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the place in the documents; `None` for the default route of a host.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the policies in the order in which a request meets them.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Returns the clusters; empty for a route that answers itself.
    #[must_use]
    pub fn clusters(&self) -> &[ExplainedCluster] {
        &self.clusters
    }
}

impl ExplainedCluster {
    /// Returns the name, `host|subset|port`; parts that are not set are empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the place of its destination rule, if there is one.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the policies of the cluster, and the changes to requests for it.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Returns the weight and the sum of all weights of the route.
    #[must_use]
    pub const fn weight(&self) -> (u32, u64) {
        (self.weight, self.total_weight)
    }
}
