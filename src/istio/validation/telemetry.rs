use super::Validator;
use super::security::{attachment, is_empty};
use crate::istio::api::fields::read::{Nullable, Spanned, Text};
use crate::istio::api::telemetry::{
    CustomTag, Metrics, MetricsOverride, ProviderRef, TagOperation, Telemetry, Tracing,
};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::tree::{NodeId, Value};

pub(super) fn telemetry(c: &mut Validator<'_>, telemetry: &Telemetry) {
    attachment(
        c,
        telemetry.selector.as_ref(),
        telemetry.target_ref.as_ref(),
        &telemetry.target_refs,
    );
    let Nullable(all) = &telemetry.tracing;
    if all.len() > 1 {
        let message = "there is more than one entry of `tracing`";
        c.warn(telemetry.at, message, "the first counts", "keep one");
    }
    for one in all.iter().flatten() {
        tracing(c, one);
    }
    for one in telemetry.metrics.0.iter().flatten() {
        metrics(c, one);
    }
    for logging in telemetry.access_logging.0.iter().flatten() {
        providers(c, &logging.providers, logging.at);
        let names_none = c.tree.child(logging.at, "providers").is_none();
        if names_none && !logging.disabled.is_some_and(|disabled| disabled.value) {
            c.findings.push(
                Finding::warning(Code::EmptyProviders, logging.at)
                    .missing("providers")
                    .message("the access log names no provider")
                    .effect("it has no effect")
                    .in_istio("Istio ignores it, unless the configuration of the mesh names default providers")
                    .help("name a provider, such as `providers: [{name: envoy}]`"),
            );
        }
    }
}

fn tracing(c: &mut Validator<'_>, tracing: &Tracing) {
    providers(c, &tracing.providers, tracing.at);
    if tracing.providers.0.len() > 1 {
        let message = "there is more than one provider";
        c.warn(tracing.at, message, "the first counts", "keep one");
    }
    for (name, tag) in &tracing.custom_tags {
        custom_tag(c, name, tag.as_ref());
    }
}

fn custom_tag(c: &mut Validator<'_>, name: &Spanned<String>, tag: Option<&CustomTag>) {
    if name.value.is_empty() {
        c.reject(name.at, "a tag has no name", "write its name");
    }
    let Some(tag) = tag else {
        return c.reject(name.at, "the tag is null", "write or remove it");
    };
    // What each kind of tag cannot be without.
    let parts: [Option<&Text>; 4] = [
        tag.literal.as_ref().map(|literal| &literal.value),
        tag.environment.as_ref().map(|named| &named.name),
        tag.header.as_ref().map(|named| &named.name),
        tag.formatter.as_ref().map(|formatter| &formatter.value),
    ];
    if parts.iter().flatten().count() > 1 {
        let message = "a tag has one of `literal`, `environment`, `header` and `formatter`";
        c.reject(tag.at, message, "keep one of them");
    }
    if parts.into_iter().flatten().any(is_empty) {
        c.reject(tag.at, "the tag's value or name is empty", "write it");
    }
}

fn metrics(c: &mut Validator<'_>, metrics: &Metrics) {
    providers(c, &metrics.providers, metrics.at);
    c.no_null(&metrics.overrides, metrics.at, "overrides");
    for one in metrics.overrides.0.iter().flatten() {
        metrics_override(c, one);
    }
}

fn metrics_override(c: &mut Validator<'_>, one: &MetricsOverride) {
    if let Some(matches) = &one.matches {
        if let Some(custom) = matches
            .custom_metric
            .as_ref()
            .filter(|m| m.value.is_empty())
        {
            let message = "the metric has no name";
            c.reject(custom.at, message, "write its name, or `metric`");
        }
        if matches.metric.is_some() && matches.custom_metric.is_some() {
            let message = "a match has one of `metric` and `customMetric`";
            c.reject(matches.at, message, "keep one of them");
        }
    }
    for (name, tag) in &one.tag_overrides {
        let Some(tag) = tag else {
            c.reject(name.at, "the tag is null", "write or remove it");
            continue;
        };
        let operation = tag.operation.map_or(TagOperation::Upsert, |o| o.value);
        match (operation, !is_empty(&tag.value)) {
            (TagOperation::Upsert, false) => {
                c.reject(name.at, "a tag that is set needs a value", "write `value`");
            }
            (TagOperation::Remove, true) => {
                c.reject(name.at, "a tag that is removed has a value", "remove it");
            }
            _ => {}
        }
    }
}

fn providers(c: &mut Validator<'_>, providers: &Nullable<ProviderRef>, at: NodeId) {
    c.no_null(providers, at, "providers");
    for provider in providers.0.iter().flatten() {
        let name = provider.name.as_ref();
        if let Some(name) = name.filter(|name| name.value == "lightstep") {
            c.findings.push(
                Finding::warning(Code::Deprecated, name.at)
                    .message("the provider `lightstep` is deprecated")
                    .effect("it has no effect")
                    .in_istio("its proxies can no longer send traces to it")
                    .help("use a provider of OpenTelemetry"),
            );
        }
    }
    // An empty list says something else than none.
    if let Some(list) = c.tree.child(at, "providers")
        && matches!(c.tree.value(list), Value::List(items) if items.is_empty())
    {
        c.findings.push(
            Finding::warning(Code::EmptyProviders, list)
                .message("the list of providers is empty")
                .effect("it has no effect")
                .in_istio("Istio ignores it")
                .help("name a provider, or remove the list"),
        );
    }
}
