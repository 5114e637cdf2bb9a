use std::collections::{BTreeSet, HashMap};

use super::destination_rule_index::DestinationRuleIndex;
use super::object_ref::ObjectRef;
use super::selected_labels::SelectedLabels;
use super::service_entry_index::ServiceEntryIndex;
use super::virtual_service_index::VirtualServiceIndex;
use crate::istio::api::gateway::Gateway;
#[cfg(feature = "jwt")]
use crate::istio::api::security::RequestAuthentication;
use crate::istio::model::kind::Kind;
use crate::istio::model::load::documents::Documents;
use crate::istio::model::names;
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::model::spec::Spec;
use crate::istio::translation::Settings;
use crate::istio::translation::limits::{Patch, patches};
#[cfg(feature = "mtls")]
use crate::istio::translation::peer_authentication::PeerAuthenticationIndex;

/// Indexes over all valid resources, by host and namespace.
#[derive(Debug)]
pub(in crate::istio::translation) struct ResourceIndex {
    /// Authorization policies, oldest first.
    pub(in crate::istio::translation) authorizations: Vec<PlacedObject>,
    pub(in crate::istio::translation) settings: Settings,
    pub(in crate::istio::translation) services: VirtualServiceIndex,
    pub(in crate::istio::translation) rules: DestinationRuleIndex,
    pub(in crate::istio::translation) entries: ServiceEntryIndex,
    /// Policies about tokens, the oldest first.
    #[cfg(feature = "jwt")]
    pub(in crate::istio::translation) authentications: Vec<ObjectRef<RequestAuthentication>>,
    gateways: HashMap<(String, String), ObjectRef<Gateway>>,
    /// Full names of the Kubernetes services among the documents.
    pub(in crate::istio::translation) kubernetes: BTreeSet<String>,
    #[cfg(feature = "mtls")]
    pub(in crate::istio::translation) peers: PeerAuthenticationIndex,
    /// Rate limit patches in the order of application.
    pub(in crate::istio::translation) patches: Vec<Patch>,
    pub(in crate::istio::translation) selected: SelectedLabels,
}

impl ResourceIndex {
    pub(in crate::istio::translation) fn of(documents: &Documents, settings: &Settings) -> Self {
        let domain = &*settings.cluster_domain;
        let services = documents.foreign.iter().filter(|named| named.is_service());
        let mut index = Self {
            authorizations: Vec::new(),
            settings: settings.clone(),
            services: VirtualServiceIndex::default(),
            rules: DestinationRuleIndex::default(),
            entries: ServiceEntryIndex::default(),
            #[cfg(feature = "jwt")]
            authentications: Vec::new(),
            gateways: HashMap::new(),
            kubernetes: services
                .map(|named| names::full(&named.name, &named.namespace, domain).into_owned())
                .collect(),
            selected: SelectedLabels::default(),
            #[cfg(feature = "mtls")]
            peers: PeerAuthenticationIndex::new(&settings.root_namespace),
            patches: patches(documents),
        };
        index.selected = SelectedLabels::of(documents, &index.patches);
        if settings.envoy_behaviour {
            index
                .patches
                .iter_mut()
                .for_each(Patch::enable_only_if_written);
        }
        let valid = documents
            .resources
            .iter()
            .filter(|resource| resource.is_valid);
        let mut objects: Vec<_> = valid.map(|resource| &resource.object).collect();
        // Oldest first. Objects without a timestamp count as the oldest; the stable sort keeps
        // their order.
        objects.sort_by(|one, two| one.created.cmp(&two.created));
        for object in objects {
            if object.kind == Kind::AuthorizationPolicy {
                index.authorizations.push(object.clone());
            }
            if let Some(object_ref) = ObjectRef::of(object, |spec| match spec {
                Spec::VirtualService(service) => Some(service),
                _ => None,
            }) {
                index.services.add(object_ref, domain);
            }
            if let Some(object_ref) = ObjectRef::of(object, |spec| match spec {
                Spec::DestinationRule(rule) => Some(&**rule),
                _ => None,
            }) {
                index.rules.add(object_ref, domain);
            }
            if let Some(object_ref) = ObjectRef::of(object, |spec| match spec {
                Spec::ServiceEntry(entry) => Some(entry),
                _ => None,
            }) {
                index.entries.add(object_ref, domain);
            }
            #[cfg(feature = "mtls")]
            if let Some(object_ref) = ObjectRef::of(object, |spec| match spec {
                Spec::PeerAuthentication(peer) => Some(peer),
                _ => None,
            }) {
                index.peers.add(object_ref);
            }
            #[cfg(feature = "jwt")]
            index
                .authentications
                .extend(ObjectRef::of(object, |spec| match spec {
                    Spec::RequestAuthentication(policy) => Some(policy),
                    _ => None,
                }));
            if let Some(object_ref) = ObjectRef::of(object, |spec| match spec {
                Spec::Gateway(gateway) => Some(gateway),
                _ => None,
            }) {
                let key = (
                    object_ref.namespace().to_owned(),
                    object_ref.name().to_owned(),
                );
                index.gateways.insert(key, object_ref);
            }
        }
        index
    }

    pub(in crate::istio::translation) fn gateway(
        &self,
        name: &str,
        namespace: &str,
    ) -> Option<&ObjectRef<Gateway>> {
        self.gateways.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Returns the full name of a host in an object of `namespace`.
    pub(in crate::istio::translation) fn full(&self, host: &str, namespace: &str) -> String {
        // Host names are case-insensitive.
        names::full(host, namespace, &self.settings.cluster_domain).to_ascii_lowercase()
    }
}
