use std::sync::Arc;

use super::kind::Kind;
use super::line_table::LineTable;
use super::spec::Spec;
use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{Entries, NodeRef, Spanned, Text};
use crate::istio::syntax::tree::NodeId;

/// An Istio object, read and validated.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// `Kind namespace/name`, which all places of its values share.
    pub(crate) id: Arc<str>,
    /// `creationTimestamp`, whose texts sort in the order of time.
    pub(crate) created: Option<Box<str>>,
    /// True if the annotation `istio.io/dry-run` is: the policy is tried and not enforced.
    pub(crate) dry_run: bool,
    /// Position of the name, or of the object without one.
    pub(crate) at: NodeId,
    /// True if the status of a service entry has addresses, which the control plane gave it.
    pub(crate) has_allocated_addresses: bool,
    /// Lines of its values.
    pub(crate) lines: LineTable,
    /// The spec; `None` if it could not be read.
    pub(crate) spec: Option<Spec>,
}

/// Name of an object of another kind that findings may refer to, such as a Kubernetes service.
#[derive(Debug)]
pub(crate) struct ResourceName {
    /// Empty for the kinds of Kubernetes' core.
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl ResourceName {
    pub(crate) fn is_service(&self) -> bool {
        self.group.is_empty() && self.kind == "Service"
    }
}

message! {
    Metadata {
        name: Text,
        namespace: Text,
        labels: Entries<Spanned<String>>,
        annotations: Entries<Spanned<String>>,
        creation_timestamp as "creationTimestamp": Option<NodeRef>,
        deletion_grace_period_seconds as "deletionGracePeriodSeconds": Option<NodeRef>,
        deletion_timestamp as "deletionTimestamp": Option<NodeRef>,
        finalizers: Option<NodeRef>,
        generate_name as "generateName": Text,
        generation: Option<NodeRef>,
        managed_fields as "managedFields": Option<NodeRef>,
        owner_references as "ownerReferences": Option<NodeRef>,
        resource_version as "resourceVersion": Option<NodeRef>,
        self_link as "selfLink": Option<NodeRef>,
        uid: Option<NodeRef>,
    }
}
