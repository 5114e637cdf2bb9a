use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::{Actions, read_actions};
use super::patch_target::PatchTarget;
use crate::istio::api::envoy_filter::{Context, EnvoyFilter};
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::api::fields::read::{NodeRef, Reader};
use crate::istio::api::local_rate_limit::{FractionalPercent, LocalRateLimit, RuntimeFraction};
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::load::documents::{Documents, Resource};
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::{NodeId, Tree, Value};
use crate::istio::validation::{either, find_limits, read_limit, value};

/// A patch with rate limit configurations or rate limit actions.
#[derive(Clone, Debug)]
pub(in super::super) struct Patch {
    /// `EnvoyFilter namespace/name[index]`.
    pub(super) id: Arc<str>,
    /// Rate limit actions of the routes and virtual hosts.
    pub(super) actions: Vec<Actions>,
    pub(super) config: Option<Arc<Config>>,
    pub(super) context: Context,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) namespace: String,
    pub(super) target: PatchTarget,
    priority: i32,
}

/// One configuration of the rate limit filter.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) limit: LocalRateLimit,
    pub(super) object: PlacedObject,
    pub(super) actions: Vec<Actions>,
    pub(super) status: Option<u16>,
}

impl Patch {
    /// Returns the labels of the workloads that it is for.
    pub(in super::super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Has the limit hold for no request unless `filter_enabled` says for how many.
    pub(in super::super) fn enable_only_if_written(&mut self) {
        let Some(config) = self.config.as_mut().and_then(Arc::get_mut) else {
            return;
        };
        let at = config.limit.at;
        let none = || FractionalPercent {
            at,
            numerator: None,
            denominator: None,
        };
        let enabled = &mut config.limit.filter_enabled;
        let enabled = enabled.get_or_insert_with(|| RuntimeFraction {
            at,
            default_value: None,
            runtime_key: None,
        });
        enabled.default_value.get_or_insert_with(none);
    }
}

/// Returns all patches in the order in which Istio applies them.
pub(in super::super) fn patches(documents: &Documents) -> Vec<Patch> {
    let mut all = Vec::new();
    for resource in documents.resources.iter().filter(|r| r.is_valid) {
        if let (Some(Spec::EnvoyFilter(filter)), Some(tree)) =
            (&resource.object.spec, &resource.tree)
        {
            of_filter(resource, filter, tree, &mut all);
        }
    }
    // Higher priorities are applied later and override; the stable sort keeps the order of files.
    all.sort_by_key(|patch| patch.priority);
    all
}

fn of_filter(resource: &Resource, filter: &EnvoyFilter, tree: &Tree, all: &mut Vec<Patch>) {
    let object = &resource.object;
    let selector = filter
        .workload_selector
        .iter()
        .flat_map(|selector| &selector.labels);
    let labels: BTreeMap<_, _> = selector
        .map(|(name, value)| {
            let value = value.as_ref().map_or("", |value| value.value.as_str());
            (name.value.clone(), value.to_owned())
        })
        .collect();
    for (index, patch) in filter.config_patches.0.iter().flatten().enumerate() {
        let apply_to = patch.apply_to.map(|apply| apply.value);
        let (Some(place), Some(value)) = (PatchTarget::of(patch), value(patch)) else {
            continue;
        };
        let configs = find_limits(apply_to, value, tree);
        let actions = match place {
            PatchTarget::Filters { .. } => Vec::new(),
            PatchTarget::Route { .. } | PatchTarget::VirtualHost(_) => counted(tree, value),
        };
        let new = |config, suffix: usize| Patch {
            id: format!(
                "EnvoyFilter {}/{}[{index}.{suffix}]",
                object.namespace, object.name
            )
            .into(),
            actions: actions.clone(),
            config,
            context: patch
                .matches
                .as_ref()
                .and_then(|one| one.context)
                .map_or(Context::Any, |context| context.value),
            labels: labels.clone(),
            namespace: object.namespace.clone(),
            target: place.clone(),
            priority: filter.priority.map_or(0, |priority| priority.value),
        };
        let read = configs
            .into_iter()
            .filter_map(|at| config(object, tree, at));
        let read: Vec<_> = read.map(|config| Some(Arc::new(config))).collect();
        if read.is_empty() && !actions.is_empty() {
            all.push(new(None, 0));
        }
        all.extend(
            read.into_iter()
                .enumerate()
                .map(|(suffix, config)| new(config, suffix)),
        );
    }
}

/// Reads the `rate_limits` of a route or a virtual host.
fn counted(tree: &Tree, value: NodeId) -> Vec<Actions> {
    let of_route = tree.child(value, "route");
    let places = [Some(value), of_route];
    let limits = places.into_iter().flatten();
    limits
        .filter_map(|place| either(tree, place, "rate_limits", "rateLimits"))
        .flat_map(|at| read_actions(tree, at, &mut Vec::new()))
        .collect()
}

fn config(object: &PlacedObject, tree: &Tree, at: NodeId) -> Option<Config> {
    let mut findings = Findings::default();
    let mut reader = Reader {
        tree,
        findings: &mut findings,
        envoy: true,
        above: Vec::new(),
        validation: FieldValidation::Strict,
    };
    // Errors were reported by the validation.
    let limit = read_limit(at, &mut reader)?;
    let status = limit.status.as_ref().and_then(|status| status.code);
    let status = status.and_then(|NodeRef(at)| match tree.value(at) {
        Value::Int(code) => u16::try_from(*code).ok(),
        Value::Text(name) => named_status(name),
        _ => None,
    });
    let actions = limit.rate_limits.first().map(|_| {
        let inner = tree.child(at, "value").unwrap_or(at);
        let at = either(tree, inner, "rate_limits", "rateLimits");
        at.map_or_else(Vec::new, |at| read_actions(tree, at, &mut Vec::new()))
    });
    Some(Config {
        actions: actions.unwrap_or_default(),
        object: object.clone(),
        limit,
        status,
    })
}

/// Returns the status code of Envoy's enum names.
fn named_status(name: &str) -> Option<u16> {
    let codes = 400..600_u16;
    codes.into_iter().find(|code| {
        let status = http::StatusCode::from_u16(*code).ok();
        let reason = status.and_then(|status| status.canonical_reason());
        reason.is_some_and(|reason| {
            let letters = reason.chars().filter(char::is_ascii_alphanumeric);
            letters.eq(name.chars())
        })
    })
}
