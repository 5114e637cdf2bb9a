//! The routes of a virtual service, with those of its delegates in their places.

use super::merged_match::MergedMatch;
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::http_route::{HttpMatch, HttpRoute};
use crate::istio::translation::index::resource_index::ResourceIndex;
use crate::istio::translation::index::virtual_service_index::IndexedService;

/// A route, and the one that delegates to it if there is one.
#[derive(Clone, Debug)]
pub(in crate::istio::translation) struct MergedRoute<'a> {
    leaf: &'a HttpRoute,
    root: Option<&'a HttpRoute>,
    /// `None` for every request.
    pub(in crate::istio::translation) matches: Option<Vec<MergedMatch<'a>>>,
    /// The namespace that short names of the leaf are of.
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
            routes.extend(MergedRoute::plain(route, own));
            continue;
        };
        let text =
            |text: &'a Option<Spanned<String>>| text.as_ref().map(|text| text.value.as_str());
        let namespace = text(&delegate.namespace)
            .filter(|n| !n.is_empty())
            .unwrap_or(own);
        let name = text(&delegate.name).unwrap_or_default();
        // One that is not there, or not shown, takes its route with it.
        let Some(delegate) = index.services.delegate(namespace, name, own) else {
            continue;
        };
        let leaves = delegate.object.http.0.iter().flatten();
        routes.extend(leaves.filter_map(|leaf| MergedRoute::merge(route, own, leaf, namespace)));
    }
    routes
}

impl<'a> MergedRoute<'a> {
    fn plain(route: &'a HttpRoute, namespace: &'a str) -> Option<Self> {
        Self::new(route, None, namespace, namespace)
    }

    fn merge(
        root: &'a HttpRoute,
        root_namespace: &'a str,
        leaf: &'a HttpRoute,
        namespace: &'a str,
    ) -> Option<Self> {
        // Istio delegates one level deep.
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
        let merged = MergedMatch::merge(&root.map_or_else(Vec::new, matches), &matches(leaf))?;
        Some(Self {
            leaf,
            root,
            matches: Some(merged).filter(|merged| !merged.is_empty()),
            namespace,
            root_namespace,
        })
    }

    /// Returns a field: the delegate's if it has it, else the root's.
    pub(in crate::istio::translation) fn field<T>(
        &self,
        field: impl Fn(&'a HttpRoute) -> Option<T>,
    ) -> Option<T> {
        field(self.leaf).or_else(|| field(self.root?))
    }

    /// Returns a field with the namespace that its short names are of.
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

    /// Returns the name: both, with a `-` between them.
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
