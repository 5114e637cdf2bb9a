use std::collections::{BTreeSet, HashMap};

use super::Settings;
use super::entries::Entries;
use super::held::Held;
use super::limits::{Patch, patches};
use super::rules::Rules;
use super::services::Services;
use crate::istio::documents::Documents;
use crate::istio::kinds::gateway::Gateway;
use crate::istio::names;
use crate::istio::spec::Spec;

/// The documents by what they are looked up by.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) services: Services,
    pub(super) rules: Rules,
    pub(super) entries: Entries,
    gateways: HashMap<(String, String), Held<Gateway>>,
    /// The full names of Kubernetes' services among the documents.
    pub(super) kubernetes: BTreeSet<String>,
    /// The patches with rate limits, in the order in which they are applied.
    pub(super) patches: Vec<Patch>,
}

impl World {
    pub(super) fn of(documents: &Documents, settings: &Settings) -> Self {
        let domain = &*settings.cluster_domain;
        let services = documents.foreign.iter().filter(|named| named.is_service());
        let mut world = Self {
            settings: settings.clone(),
            services: Services::default(),
            rules: Rules::default(),
            entries: Entries::default(),
            gateways: HashMap::new(),
            kubernetes: services
                .map(|named| names::full(&named.name, &named.namespace, domain).into_owned())
                .collect(),
            patches: patches(documents),
        };
        if settings.envoy_behaviour {
            world
                .patches
                .iter_mut()
                .for_each(Patch::enable_only_if_written);
        }
        let valid = documents
            .resources
            .iter()
            .filter(|resource| resource.is_valid);
        let mut objects: Vec<_> = valid.map(|resource| &resource.object).collect();
        // The oldest first. Those without a time are as old as can be; the sort keeps their order.
        objects.sort_by(|one, two| one.created.cmp(&two.created));
        for object in objects {
            if let Some(held) = Held::of(object, |spec| match spec {
                Spec::VirtualService(service) => Some(service),
                _ => None,
            }) {
                world.services.add(held, domain);
            }
            if let Some(held) = Held::of(object, |spec| match spec {
                Spec::DestinationRule(rule) => Some(&**rule),
                _ => None,
            }) {
                world.rules.add(held, domain);
            }
            if let Some(held) = Held::of(object, |spec| match spec {
                Spec::ServiceEntry(entry) => Some(entry),
                _ => None,
            }) {
                world.entries.add(held, domain);
            }
            if let Some(held) = Held::of(object, |spec| match spec {
                Spec::Gateway(gateway) => Some(gateway),
                _ => None,
            }) {
                let key = (held.namespace().to_owned(), held.name().to_owned());
                world.gateways.insert(key, held);
            }
        }
        world
    }

    pub(super) fn gateway(&self, name: &str, namespace: &str) -> Option<&Held<Gateway>> {
        self.gateways.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Returns the full name of a host that stands in an object of `namespace`.
    pub(super) fn full(&self, host: &str, namespace: &str) -> String {
        names::full(host, namespace, &self.settings.cluster_domain).to_ascii_lowercase()
    }
}
