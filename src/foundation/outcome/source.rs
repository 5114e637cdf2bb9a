use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;

use http::{Extensions, Response};

use super::WorkloadMetadata;

/// Source of an event, a rejection or a span: the layer's name, and its position in a mesh.
///
/// A layer made by hand has the name that its `named` sets, and nothing else. In a mesh made of
/// documents all other parts are set as far as they apply: the limit of a cluster has no route. The
/// response that a layer creates carries its source, where [`Source::of`] finds it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Source {
    cluster: Option<Arc<str>>,
    direction: Option<Direction>,
    host: Option<Arc<str>>,
    metadata: Option<Arc<WorkloadMetadata>>,
    name: Option<Arc<str>>,
    namespace: Option<Arc<str>>,
    origin: Option<Origin>,
    route: Option<Arc<str>>,
    rule: Option<Arc<str>>,
    workload: Option<Arc<str>>,
}

/// Direction of the traffic that a layer handles, as in Istio's patch contexts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// Requests to a gateway.
    Gateway,
    /// Requests to a workload.
    Inbound,
    /// Requests that a workload sends.
    Outbound,
}

impl Direction {
    /// Returns the direction as a label: `gateway`, `inbound` or `outbound`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Place in the documents that ordered a policy: object, file and line.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    file: Option<Arc<Path>>,
    line: u32,
    object: Arc<str>,
}

impl Source {
    /// Returns the source in a response that a layer of this crate created; none if the layer has
    /// neither a name nor a place in a mesh.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<&Arc<Self>> {
        response.extensions().get()
    }

    /// Sets the name of the cluster.
    #[must_use]
    pub fn with_cluster(mut self, cluster: impl Into<Arc<str>>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    /// Sets the direction.
    #[must_use]
    pub const fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Sets the destination host.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<Arc<str>>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the metadata of the workload, by which metrics know it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Arc<WorkloadMetadata>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the name of the layer.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the place in the documents; `None` if no document ordered the policy.
    #[must_use]
    pub fn with_origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the name of the route; `None` if the route has no name.
    #[must_use]
    pub fn with_route(mut self, route: Option<Arc<str>>) -> Self {
        self.route = route;
        self
    }

    /// Sets the rule of an authorization policy; `None` if no rule decided.
    #[must_use]
    pub fn with_rule(mut self, rule: Option<Arc<str>>) -> Self {
        self.rule = rule;
        self
    }

    /// Sets the workload and its namespace.
    #[must_use]
    pub fn with_workload(
        mut self,
        name: impl Into<Arc<str>>,
        namespace: impl Into<Arc<str>>,
    ) -> Self {
        self.workload = Some(name.into());
        self.namespace = Some(namespace.into());
        self
    }

    /// Returns the cluster by Istio's name, such as `outbound|80|v1|users.waste.svc.cluster.local`.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Returns the direction of the traffic.
    #[must_use]
    pub const fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// Returns the full name of the destination host.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the metadata of the workload, by which metrics know it.
    #[must_use]
    pub const fn metadata(&self) -> Option<&Arc<WorkloadMetadata>> {
        self.metadata.as_ref()
    }

    /// Returns the name that a layer's or a stack's `named` set.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the namespace of the workload.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns the place in the documents that ordered the policy.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the name of the route in the virtual service.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// Returns the rule of an authorization policy that decided, by Istio's name:
    /// `ns[shop]-policy[readers]-rule[0]`.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// Returns the name of the workload or the gateway whose proxy the layer belongs to.
    #[must_use]
    pub fn workload(&self) -> Option<&str> {
        self.workload.as_deref()
    }

    /// True if no part is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Writes the source into the extensions of a response, unless it is empty.
    pub(crate) fn write_to(self: &Arc<Self>, extensions: &mut Extensions) {
        if !self.is_empty() {
            extensions.insert(Arc::clone(self));
        }
    }
}

/// Writes for instance `waste/waste-service outbound|80||users.waste.svc.cluster.local route canary
/// (users.yaml:12)`; the cluster stands for its host and direction.
impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut write = |args: fmt::Arguments<'_>| {
            f.write_str(std::mem::replace(&mut separator, " "))?;
            f.write_fmt(args)
        };
        if let Some(name) = &self.name {
            write(format_args!("{name}"))?;
        }
        if let Some(workload) = &self.workload {
            let namespace = self.namespace().unwrap_or_default();
            write(format_args!("{namespace}/{workload}"))?;
        }
        match (&self.cluster, self.direction, &self.host) {
            (Some(cluster), ..) => write(format_args!("{cluster}"))?,
            (None, direction, host) => {
                if let Some(direction) = direction {
                    write(format_args!("{}", direction.label()))?;
                }
                if let Some(host) = host {
                    write(format_args!("{host}"))?;
                }
            }
        }
        if let Some(route) = &self.route {
            write(format_args!("route {route}"))?;
        }
        if let Some(rule) = &self.rule {
            write(format_args!("rule {rule}"))?;
        }
        if let Some(origin) = &self.origin {
            write(format_args!("({origin})"))?;
        }
        Ok(())
    }
}

impl Origin {
    /// Creates a place: the object as `Kind namespace/name`, and the file, if it was read from one.
    #[must_use]
    pub fn new(object: impl Into<Arc<str>>, file: Option<Arc<Path>>, line: u32) -> Self {
        let object = object.into();
        Self { file, line, object }
    }

    /// Returns the file; none if the documents were not read from files.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the line, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// Returns the object, such as `DestinationRule waste/users`.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }
}

/// Writes `policies/users.yaml:12`, or `line 12` without a file.
impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}", file.display(), self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_from_the_workload_to_the_line() {
        let file = Arc::from(Path::new("policies/users.yaml"));
        let origin = Origin::new("VirtualService waste/users", Some(file), 12);
        let source = Source::default()
            .with_workload("shop", "waste")
            .with_direction(Direction::Outbound)
            .with_host("users.waste.svc.cluster.local");
        assert_eq!(
            source.to_string(),
            "waste/shop outbound users.waste.svc.cluster.local"
        );
        let source = source
            .with_cluster("outbound|80||users.waste.svc.cluster.local")
            .with_route(Some("canary".into()))
            .with_origin(Some(origin));
        assert_eq!(
            source.to_string(),
            "waste/shop outbound|80||users.waste.svc.cluster.local route canary \
             (policies/users.yaml:12)"
        );
        assert_eq!(Source::default().with_name("openai").to_string(), "openai");
        assert_eq!(Source::default().to_string(), "");
        assert_eq!(Origin::new("Gateway a/b", None, 3).to_string(), "line 3");
    }
}
