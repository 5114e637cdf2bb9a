//! Validation of supported patches: Envoy's local rate limit in all its forms.

use std::time::Duration;

use super::counted::{either, says_what_counts};
use crate::istio::api::envoy_filter::{ApplyTo, ConfigPatch, Operation};
use crate::istio::api::fields::read::{NodeRef, Read, Reader};
use crate::istio::api::local_rate_limit::{
    Denominator, LocalRateLimit, RuntimeFraction, TokenBucket, TypedStruct,
};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree};

const FILTER: &str = "envoy.filters.http.local_ratelimit";
const TYPE: &str = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const STRUCTS: [&str; 2] = ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"];

/// Validates the value of a patch.
pub(in crate::istio::validation) fn patch(patch: &ConfigPatch, reader: &mut Reader<'_>) {
    let Some(NodeRef(value)) = patch.patch.as_ref().and_then(|patch| patch.value) else {
        let operation = patch.patch.as_ref().and_then(|patch| patch.operation);
        // `REMOVE` needs no value.
        if operation.is_none_or(|operation| operation.value != Operation::Remove) {
            let finding = Finding::rejected(patch.at).missing("patch.value");
            let finding = finding.message("the patch has no value");
            reader
                .findings
                .push(finding.help("write `patch: {operation: …, value: …}`"));
        } else {
            unknown(patch.at, reader);
        }
        return;
    };
    let configs = find(patch.apply_to.map(|apply| apply.value), value, reader.tree);
    if configs.is_empty() && !says_what_counts(patch, reader.tree) {
        unknown(value, reader);
    }
    // Within a patch the fields are Envoy's, where both cases are valid.
    let was = std::mem::replace(&mut reader.envoy, true);
    for config in configs {
        if let Some(limit) = read(config, reader) {
            local_rate_limit(&limit, reader);
        }
    }
    reader.envoy = was;
}

fn unknown(at: NodeId, reader: &mut Reader<'_>) {
    let name = either(reader.tree, at, "name", "name").and_then(|name| reader.tree.text(name));
    let message = name.map_or_else(
        || "only patches of the local rate limit are known here".to_owned(),
        |name| format!("`{}` is not known here", shorten(name)),
    );
    reader.findings.push(
        Finding::warning(Code::UnknownFilter, at)
            .message(message)
            .effect("the patch has no effect")
            .in_istio("Istio patches Envoy with it")
            .help("use a layer of this crate, or configure this another way"),
    );
}

/// Finds the configurations of the filter: the filter itself, or those of a route or a virtual
/// host.
pub(crate) fn find(apply_to: Option<ApplyTo>, value: NodeId, tree: &Tree) -> Vec<NodeId> {
    let config = either(tree, value, "typed_config", "typedConfig");
    if apply_to == Some(ApplyTo::HttpFilter) {
        let is_named = tree.child(value, "name").and_then(|name| tree.text(name)) == Some(FILTER);
        return config
            // The filter may have any name: its type identifies it.
            .filter(|config| is_named || type_of(tree, *config).is_some_and(|t| t.ends_with(TYPE)))
            .into_iter()
            .collect();
    }
    // The routes of a virtual host may also contain it.
    let mut places = vec![value];
    if let Some(routes) = tree.child(value, "routes") {
        places.extend(tree.items(routes));
    }
    places
        .into_iter()
        .filter_map(|place| {
            either(
                tree,
                place,
                "typed_per_filter_config",
                "typedPerFilterConfig",
            )
        })
        .filter_map(|filters| tree.child(filters, FILTER))
        .collect()
}

fn type_of(tree: &Tree, config: NodeId) -> Option<&str> {
    let kind = tree
        .child(config, "@type")
        .and_then(|kind| tree.text(kind))?;
    // A `TypedStruct` carries the type of the wrapped message in `type_url`.
    if !STRUCTS.iter().any(|wrapper| kind.ends_with(wrapper)) {
        return Some(kind);
    }
    either(tree, config, "type_url", "typeUrl").and_then(|kind| tree.text(kind))
}

/// Reads a configuration, unwrapped if necessary.
pub(crate) fn read(config: NodeId, reader: &mut Reader<'_>) -> Option<LocalRateLimit> {
    let kind = reader
        .tree
        .child(config, "@type")
        .and_then(|kind| reader.tree.text(kind));
    let Some(kind) = kind else {
        let finding = Finding::rejected(config).missing("@type");
        let finding = finding.message("the configuration has no `@type`").at_key();
        let help = format!("write `\"@type\": type.googleapis.com/{TYPE}`");
        reader.findings.push(finding.help(help));
        return None;
    };
    let full = type_of(reader.tree, config).unwrap_or_default();
    if !full.ends_with(TYPE) {
        let message = format!("`{}` is not the type of a local rate limit", shorten(full));
        let finding = Finding::rejected(config).message(message);
        let help = format!("write type.googleapis.com/{TYPE}");
        reader.findings.push(finding.help(help));
        return None;
    }
    if STRUCTS.iter().any(|wrapper| kind.ends_with(wrapper)) {
        let wrapper = TypedStruct::read(config, reader)?;
        let NodeRef(value) = wrapper.value?;
        return LocalRateLimit::read(value, reader);
    }
    LocalRateLimit::read(config, reader)
}

fn local_rate_limit(limit: &LocalRateLimit, reader: &mut Reader<'_>) {
    for bucket in limit.token_bucket.iter().chain(
        limit
            .descriptors
            .iter()
            .filter_map(|descriptor| descriptor.token_bucket.as_ref()),
    ) {
        token_bucket(bucket, reader);
    }
    for descriptor in &limit.descriptors {
        let is_good = descriptor
            .entries
            .iter()
            .all(|entry| entry.key.as_ref().is_some_and(|key| !key.value.is_empty()));
        if !is_good || descriptor.entries.is_empty() || descriptor.token_bucket.is_none() {
            let message = "a descriptor needs `entries` with a key each, and a `token_bucket`";
            refused_by_envoy(descriptor.at, message, "write them", reader);
        }
    }
    if limit
        .stat_prefix
        .as_ref()
        .is_none_or(|prefix| prefix.value.is_empty())
    {
        let message = "the filter has no `stat_prefix`";
        let help = "write `stat_prefix: http_local_rate_limiter`";
        refused_by_envoy(limit.at, message, help, reader);
    }
    if limit.token_bucket.is_none() && limit.descriptors.is_empty() {
        // The filter is only enabled here; its buckets are at the routes.
        return;
    }
    let missing: Vec<_> = [
        ("filter_enabled", &limit.filter_enabled),
        ("filter_enforced", &limit.filter_enforced),
    ]
    .into_iter()
    .filter(|(_, fraction)| share(fraction.as_ref()).is_none())
    .map(|(name, _)| name)
    .collect();
    if !missing.is_empty() {
        let help = "{default_value: {numerator: 100, denominator: HUNDRED}}";
        let lines: Vec<_> = missing
            .iter()
            .map(|name| format!("{name}: {help}"))
            .collect();
        let message = format!("the limit has no {}", missing.join(" and no "));
        let (effect, istio) = if missing == ["filter_enforced"] {
            (
                "it is a trial: requests over the limit are counted and go on",
                "it defaults to 0 %: Envoy turns nothing away",
            )
        } else {
            (
                "what is missing is read as 100 %",
                "each defaults to 0 %: Envoy limits nothing",
            )
        };
        reader.findings.push(
            Finding::warning(Code::LimitNotEnforced, limit.at)
                .at_key()
                .message(message)
                .effect(effect)
                .in_istio(istio)
                .help(format!("write\n{}", lines.join("\n"))),
        );
    }
    for (name, fraction) in [
        ("filter_enabled", &limit.filter_enabled),
        ("filter_enforced", &limit.filter_enforced),
    ] {
        if share(fraction.as_ref()) == Some(0) {
            reader.findings.push(
                Finding::warning(Code::LimitNotEnforced, limit.at)
                    .at_key()
                    .message(format!("`{name}` is 0 %"))
                    .effect("no requests are limited")
                    .in_istio("Envoy limits no requests")
                    .help("raise the numerator to enable the limit"),
            );
        }
    }
}

/// Returns the share of requests in millionths; `None` if unset.
fn share(fraction: Option<&RuntimeFraction>) -> Option<u64> {
    let percent = fraction?.default_value.as_ref()?;
    let scale = match percent.denominator.map(|denominator| denominator.value) {
        None | Some(Denominator::Hundred) => 10_000,
        Some(Denominator::TenThousand) => 100,
        Some(Denominator::Million) => 1,
    };
    Some(percent.numerator.map_or(0, |n| u64::from(n.value)) * scale)
}

fn token_bucket(bucket: &TokenBucket, reader: &mut Reader<'_>) {
    match bucket.fill_interval {
        None => {
            let message = "the bucket is never filled again: it has no `fill_interval`";
            refused_by_envoy(bucket.at, message, "write `fill_interval: 60s`", reader);
        }
        Some(interval) if interval.value < Duration::from_millis(50) => {
            let message = "the `fill_interval` is shorter than 50ms";
            refused_by_envoy(interval.at, message, "write 0.05s or more", reader);
        }
        Some(_) => {}
    }
    if bucket.max_tokens.is_none() {
        let message = "the bucket has no `max_tokens`";
        refused_by_envoy(
            bucket.at,
            message,
            "write how many requests may come at once",
            reader,
        );
    }
    if let Some(tokens) = bucket.tokens_per_fill.filter(|tokens| tokens.value == 0) {
        let message = "the bucket is filled with 0 tokens";
        refused_by_envoy(tokens.at, message, "write 1 or more", reader);
    }
}

fn refused_by_envoy(at: NodeId, message: &str, help: &str, reader: &mut Reader<'_>) {
    reader.findings.push(
        Finding::rejected(at)
            .message(message)
            .in_istio("Istio takes it; Envoy refuses the whole listener or route")
            .help(help),
    );
}
