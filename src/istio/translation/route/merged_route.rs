//! Routes of a virtual service, with delegates expanded in place.

use super::merged_match::MergedMatch;
use crate::foundation::outcome::Origin;
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::http_route::{HttpMatch, HttpRoute};
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::syntax::tree::NodeId;
use crate::istio::translation::index::object_ref::ObjectRef;
use crate::istio::translation::index::resource_index::ResourceIndex;
use crate::istio::translation::index::virtual_service_index::IndexedService;

/// A route, and the root route that delegates to it, if any.
#[derive(Clone, Debug)]
pub(in crate::istio::translation) struct MergedRoute<'a> {
    leaf: &'a HttpRoute,
    root: Option<&'a HttpRoute>,
    /// Virtual services that the leaf and the root stand in.
    objects: [Option<&'a ObjectRef<VirtualService>>; 2],
    /// Matches; `None` matches every request.
    pub(in crate::istio::translation) matches: Option<Vec<MergedMatch<'a>>>,
    /// Namespace of short names in the leaf route.
    namespace: &'a str,
    root_namespace: &'a str,
}

/// Returns the routes of a virtual service in their order.
pub(in crate::istio::translation) fn routes<'a>(
    index: &'a ResourceIndex,
    service: &'a IndexedService,
) -> Vec<MergedRoute<'a>> {
    let own = service.object.namespace();
    let mut routes = Vec::new();
    for route in service.object.http.0.iter().flatten() {
        let Some(delegate) = &route.delegate else {
            let plain = MergedRoute::new(route, None, own, own);
            routes.extend(plain.map(|route| route.in_objects([Some(&service.object), None])));
            continue;
        };
        let text =
            |text: &'a Option<Spanned<String>>| text.as_ref().map(|text| text.value.as_str());
        let namespace = text(&delegate.namespace)
            .filter(|n| !n.is_empty())
            .unwrap_or(own);
        let name = text(&delegate.name).unwrap_or_default();
        // Without a visible delegate the root route is dropped.
        let Some(delegate) = index.services.delegate(namespace, name, own) else {
            continue;
        };
        let leaves = delegate.object.http.0.iter().flatten();
        let objects = [Some(&delegate.object), Some(&service.object)];
        let leaves = leaves.filter_map(|leaf| MergedRoute::merge(route, own, leaf, namespace));
        routes.extend(leaves.map(|route| route.in_objects(objects)));
    }
    routes
}

impl<'a> MergedRoute<'a> {
    fn merge(
        root: &'a HttpRoute,
        root_namespace: &'a str,
        leaf: &'a HttpRoute,
        namespace: &'a str,
    ) -> Option<Self> {
        // Istio supports one level of delegation.
        if leaf.delegate.is_some() {
            return None;
        }
        Self::new(leaf, Some(root), namespace, root_namespace)
    }

    pub(in crate::istio::translation) fn new(
        leaf: &'a HttpRoute,
        root: Option<&'a HttpRoute>,
        namespace: &'a str,
        root_namespace: &'a str,
    ) -> Option<Self> {
        let matches = |route: &'a HttpRoute| -> Vec<&'a HttpMatch> {
            route.matches.0.iter().flatten().collect()
        };
        // `None`: the matches exclude each other, and the route is dropped.
        let merged = MergedMatch::merge(&root.map_or_else(Vec::new, matches), &matches(leaf))?;
        Some(Self {
            leaf,
            root,
            objects: [None, None],
            matches: Some(merged).filter(|merged| !merged.is_empty()),
            namespace,
            root_namespace,
        })
    }

    /// Sets the virtual services that the leaf and the root stand in.
    fn in_objects(self, objects: [Option<&'a ObjectRef<VirtualService>>; 2]) -> Self {
        Self { objects, ..self }
    }

    /// Returns the place of a field, of the delegate's otherwise of the root's.
    pub(in crate::istio::translation) fn origin(
        &self,
        field: impl Fn(&'a HttpRoute) -> Option<NodeId>,
    ) -> Option<Origin> {
        let [leaf, root] = self.objects;
        match field(self.leaf) {
            Some(at) => Some(leaf?.origin(at)),
            None => Some(root?.origin(field(self.root?)?)),
        }
    }

    /// Returns a field of the delegate, otherwise of the root.
    pub(in crate::istio::translation) fn field<T>(
        &self,
        field: impl Fn(&'a HttpRoute) -> Option<T>,
    ) -> Option<T> {
        field(self.leaf).or_else(|| field(self.root?))
    }

    /// Returns a field with the namespace of its short names.
    pub(in crate::istio::translation) fn with_namespace<T>(
        &self,
        field: impl Fn(&'a HttpRoute) -> Option<T>,
    ) -> Option<(T, &'a str)> {
        let own = field(self.leaf).map(|found| (found, self.namespace));
        own.or_else(|| Some((field(self.root?)?, self.root_namespace)))
    }

    pub(in crate::istio::translation) fn leaf(&self) -> &'a HttpRoute {
        self.leaf
    }

    pub(in crate::istio::translation) fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// Returns the route name: root and delegate, joined by `-`.
    pub(in crate::istio::translation) fn name(&self) -> Option<String> {
        let name = |route: &HttpRoute| {
            let name = route.name.as_ref()?;
            (!name.value.is_empty()).then(|| name.value.clone())
        };
        let root = self.root.and_then(name);
        match (root, name(self.leaf)) {
            (Some(root), Some(leaf)) => Some(format!("{root}-{leaf}")),
            (root, leaf) => leaf.or(root),
        }
    }
}
