//! Translation tests: Istio's own vectors, and one story for each rule.

mod by_hand;
mod destinations;
mod envoy;
mod gateways;
mod host_matching;
mod hosts;
mod limits;
#[cfg(feature = "mtls")]
mod mtls;
mod real;
mod retries;
mod routes;
mod rules;
mod translation;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{ConfigModel, Settings};
use crate::istio::api::fields::read::{Read, Reader};
use crate::istio::config::{ClusterConfig, OutboundConfig, VirtualHostConfig, WorkloadId};
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::load::documents::Documents;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::syntax::tree::Tree;
use crate::istio::syntax::yaml;
use crate::policies::traffic_split::Destination;

/// Reads a file of vectors: its suites with their cases.
fn suites(name: &str) -> Vec<(String, Vec<Value>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    let text = std::fs::read_to_string(path).expect("the vectors are part of the project");
    let file: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    let suites = file["suites"].as_array().unwrap().iter();
    let suites = suites.map(|suite| {
        let name = suite["suite"].as_str().unwrap().to_owned();
        (name, suite["cases"].as_array().unwrap().clone())
    });
    suites.collect()
}

/// Reads a message as in a document; `None` for null.
fn message<T: Read>(value: &Value) -> Option<T> {
    if value.is_null() {
        return None;
    }
    let mut budget = usize::MAX;
    // JSON is a subset of YAML.
    let mut trees = yaml::parse(&value.to_string(), &mut budget).unwrap();
    let mut findings = Findings::default();
    let mut reader = Reader {
        tree: &trees.remove(0),
        findings: &mut findings,
        envoy: false,
        above: Vec::new(),
        validation: crate::istio::api::field_validation::FieldValidation::Strict,
    };
    T::read(Tree::ROOT, &mut reader)
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Loads documents, each `Kind namespace/name: spec`; without a namespace, `Kind name: spec`.
fn meaning(documents: &str) -> ConfigModel {
    meaning_with(documents, &Settings::default())
}

fn meaning_with(documents: &str, settings: &Settings) -> ConfigModel {
    let options = LoadOptions {
        default_namespace: Arc::clone(&settings.default_namespace),
        ..LoadOptions::default()
    };
    let documents = Documents::read_yaml(&yaml_of(documents), options, None);
    let found: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(!documents.has_errors(), "{}", found.join("\n"));
    ConfigModel::of(&documents, settings)
}

fn yaml_of(documents: &str) -> String {
    let mut yaml = String::new();
    for line in documents
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (head, spec) = line.split_once(": ").expect("`Kind namespace/name: spec`");
        let (kind, name) = head.split_once(' ').unwrap();
        let metadata = match name.split_once('/') {
            Some((namespace, name)) => format!("{{name: {name}, namespace: {namespace}}}"),
            None => format!("{{name: {name}}}"),
        };
        let version = match kind {
            "EnvoyFilter" => "networking.istio.io/v1alpha3",
            "PeerAuthentication" => "security.istio.io/v1",
            "Service" => "v1",
            _ => "networking.istio.io/v1",
        };
        write!(
            yaml,
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"
        )
        .unwrap();
    }
    yaml
}

fn subject(name: &str, namespace: &str) -> WorkloadId {
    WorkloadId {
        name: name.into(),
        namespace: namespace.into(),
        labels: BTreeMap::from([("app".to_owned(), name.to_owned())]),
    }
}

/// Returns the most specific virtual host for a name.
fn host<'a>(config: &'a OutboundConfig, host: &str) -> Option<&'a VirtualHostConfig> {
    Some(&*config.hosts[config.place_of(host)?])
}

/// Returns the destinations of the first route of a host.
fn leads_to(config: &OutboundConfig, name: &str) -> Vec<String> {
    let Some(config) = host(config, name) else {
        return Vec::new();
    };
    let destinations = config
        .routes
        .iter()
        .flat_map(|route| route.route.destinations());
    destinations
        .map(|one| one.destination().to_string())
        .collect()
}

/// Returns the cluster of `host|subset|port` for a caller in the namespace `a`.
fn to(meaning: &ConfigModel, written: &str) -> ClusterConfig {
    let mut parts = written.split('|');
    let mut destination = Destination::new(parts.next().unwrap());
    if let Some(subset) = parts.next().filter(|subset| !subset.is_empty()) {
        destination = destination.with_subset(subset);
    }
    if let Some(port) = parts.next() {
        destination = destination.with_port(port.parse().unwrap());
    }
    meaning.destination(&subject("caller", "a"), &destination, Some(80))
}
