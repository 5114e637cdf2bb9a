//! Reading of one object, from its envelope to its checked content.

use std::sync::Arc;

use super::items::Items;
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{NodeRef, Read, Reader, Text};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::diagnostics::suggest::suggest;
use crate::istio::effects as idle;
use crate::istio::model::foreign;
use crate::istio::model::kind::{Class, Kind};
use crate::istio::model::line_table::LineTable;
use crate::istio::model::load::document_content::Content;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::model::object::{Metadata, Object, ResourceName};
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree, Value};
use crate::istio::validation as check;

message! {
    Envelope {
        api_version as "apiVersion": Text,
        kind: Text,
        metadata: Option<Metadata>,
        spec: Option<NodeRef>,
        status: Option<NodeRef>,
    }
}

/// Reads one object; `items` if it is one of a list.
pub(super) fn read(
    tree: &Tree,
    at: NodeId,
    items: Option<Items<'_>>,
    options: &LoadOptions,
    lines: &LineTable,
    findings: &mut Findings,
) -> Content {
    let default_namespace = &*options.default_namespace;
    if !matches!(tree.value(at), Value::Map(_)) {
        findings.push(
            Finding::error(Code::WrongType, at)
                .message("a document is an object with `apiVersion`, `kind`, `metadata` and `spec`")
                .effect("none of it applies")
                .in_istio("Kubernetes rejects it")
                .help("start it with `apiVersion:` and `kind:`"),
        );
        return Content::Nothing;
    }
    let text = |key| tree.child(at, key).and_then(|child| tree.text(child));
    let api_version = text("apiVersion").or_else(|| items.map(|items| items.api_version));
    let kind = text("kind").or_else(|| items.map(|items| items.kind));
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        if api_version.is_none() && kind.is_none() && foreign::is_mesh_config(tree, at) {
            findings.push(foreign::passed_over("", foreign::MESH_CONFIG, at));
            return Content::Foreign(Arc::new(ResourceName {
                group: String::new(),
                kind: foreign::MESH_CONFIG.to_owned(),
                name: String::new(),
                namespace: String::new(),
            }));
        }
        nameless(tree, at, api_version.or(kind), findings);
        return Content::Nothing;
    };
    let metadata = tree.child(at, "metadata");
    let named = |key| metadata.and_then(|at| tree.text(tree.child(at, key)?));
    let named_so = || ResourceName {
        group: api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
            .to_owned(),
        kind: kind.to_owned(),
        name: named("name").unwrap_or_default().to_owned(),
        namespace: named("namespace").unwrap_or(default_namespace).to_owned(),
    };
    match Class::of(api_version, kind) {
        Class::Istio(kind, is_served) => {
            if !is_served {
                version(kind, api_version, tree, at, findings);
            }
            let mut object = istio(kind, tree, at, options, findings);
            object.lines = lines.clone();
            Content::Istio(Arc::new(object))
        }
        Class::Foreign => {
            findings.push(foreign::passed_over(api_version, kind, at));
            Content::Foreign(Arc::new(named_so()))
        }
        class => {
            unread(class, kind, tree, at, findings);
            Content::Nothing
        }
    }
}

fn istio(
    kind: Kind,
    tree: &Tree,
    at: NodeId,
    options: &LoadOptions,
    findings: &mut Findings,
) -> Object {
    let mut reader = Reader {
        tree,
        findings,
        envoy: false,
        above: vec![Spec::around(kind, at)],
        validation: if kind.is_security() {
            FieldValidation::Strict
        } else {
            options.validation
        },
    };
    let envelope = Envelope::read(at, &mut reader);
    reader.leave();
    let metadata = envelope
        .as_ref()
        .and_then(|envelope| envelope.metadata.as_ref());
    let name = metadata.and_then(|metadata| metadata.name.clone());
    let namespace = metadata.and_then(|metadata| metadata.namespace.clone());
    // Kubernetes generates the name from `generateName`.
    let generated = metadata.is_some_and(|metadata| metadata.generate_name.is_some());
    if !generated {
        check::name(
            name.as_ref(),
            metadata.map_or(at, |m| m.at),
            reader.findings,
        );
    }
    let name_at = name.as_ref().map_or(at, |name| name.at);
    let name = name.map(|name| name.value).unwrap_or_default();
    let namespace = namespace.map_or_else(|| (*options.default_namespace).into(), |n| n.value);
    let mut object = Object {
        kind,
        at: name_at,
        id: format!("{kind} {namespace}/{name}").into(),
        name,
        namespace,
        created: metadata
            .and_then(|metadata| tree.text(metadata.creation_timestamp?.0))
            .map(Into::into),
        dry_run: metadata.is_some_and(check::is_dry_run),
        has_allocated_addresses: kind == Kind::ServiceEntry && has_addresses(tree, at),
        lines: LineTable::default(),
        spec: None,
    };
    // Without a readable envelope, findings about the spec would only add noise.
    let spec = tree.child(at, "spec").filter(|_| envelope.is_some());
    let is_empty = spec.is_none_or(|spec| matches!(tree.value(spec), Value::Null));
    object.spec = match spec {
        // An absent spec equals an empty one; the validation reports required fields.
        _ if is_empty => check::empty(kind, spec, at, &mut reader),
        Some(spec) => Spec::read(kind, spec, &mut reader),
        None => None,
    };
    if let Some(metadata) = metadata {
        check::metadata(&object, metadata, reader.findings);
    }
    if let (Some(at), Some(spec)) = (spec, &object.spec) {
        check::validate(&object, spec, metadata, &mut reader);
        idle::coverage(kind, spec, at, options.has_identity, &mut reader);
        check::fields(Spec::descriptor(kind), at, tree, reader.findings);
    }
    reader.findings.drop_follow_ups(tree);
    if kind.is_validated_only() || kind == Kind::PeerAuthentication && !options.has_identity {
        check::not_enforced(kind, at, reader.findings);
    }
    object
}

/// Says whether the control plane gave a service entry addresses.
fn has_addresses(tree: &Tree, at: NodeId) -> bool {
    let status = tree.child(at, "status");
    let addresses = status.and_then(|status| tree.child(status, "addresses"));
    addresses.is_some_and(|addresses| !tree.items(addresses).is_empty())
}

/// Reports a document without one of the two that say what it is; `written` is the other.
fn nameless(tree: &Tree, at: NodeId, written: Option<&str>, findings: &mut Findings) {
    let missing = if tree.child(at, "kind").is_none() {
        "kind"
    } else {
        "apiVersion"
    };
    let is_istio = written.is_some_and(|text| {
        let group = text.split('/').next().unwrap_or_default();
        group.ends_with(".istio.io") || Kind::ALL.iter().any(|kind| kind.as_str() == text)
    });
    // What is of Istio may be a policy that is not written to its end.
    let finding = if is_istio {
        Finding::error(Code::Skipped, at)
    } else {
        Finding::warning(Code::Skipped, at)
    };
    findings.push(
        finding
            .missing(missing)
            .message(format!("the document has no `{missing}`"))
            .effect("it is skipped; none of its settings apply")
            .in_istio("Kubernetes rejects it")
            .help(format!("write `{missing}:`, or keep it in another folder")),
    );
}

fn version(kind: Kind, api_version: &str, tree: &Tree, at: NodeId, findings: &mut Findings) {
    let at = tree.child(at, "apiVersion").unwrap_or(at);
    let (group, best) = (kind.group(), kind.versions()[0]);
    findings.push(
        Finding::warning(Code::ApiVersion, at)
            .message(format!("{kind} is not served as {}", shorten(api_version)))
            .effect(format!("it is read as {group}/{best}"))
            .in_istio(format!(
                "Kubernetes rejects it: no matches for kind \"{kind}\" in this version"
            ))
            .help(format!("write `apiVersion: {group}/{best}`")),
    );
}

fn unread(class: Class, kind: &str, tree: &Tree, at: NodeId, findings: &mut Findings) {
    let kind = shorten(kind);
    let names = Kind::ALL.iter().map(|kind| kind.as_str());
    let place = tree.child(at, "kind").unwrap_or(at);
    findings.push(match class {
        Class::Unread => Finding::warning(Code::Skipped, place)
            .message(format!("{kind} is not supported"))
            .effect("it is skipped; none of its settings apply")
            .in_istio("Istio applies it to the proxies")
            .help("configure this another way, and keep the document for Istio"),
        Class::Misplaced(known) => {
            let (group, best) = (known.group(), known.versions()[0]);
            Finding::error(Code::ApiVersion, tree.child(at, "apiVersion").unwrap_or(at))
                .message(format!("{kind} belongs to the group {group}"))
                .effect("the document is rejected")
                .in_istio("Kubernetes rejects it")
                .help(format!("write `apiVersion: {group}/{best}`"))
        }
        _ => Finding::error(Code::UnknownKind, place)
            .message(format!("Istio has no kind `{kind}`"))
            .effect("the document is rejected; none of its settings apply")
            .in_istio("Kubernetes rejects it")
            .help(suggest(kind, names).map_or_else(
                || "see Istio's reference for its kinds".into(),
                |near| format!("did you mean `{near}`?"),
            )),
    });
}
