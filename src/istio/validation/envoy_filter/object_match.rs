use crate::istio::api::envoy_filter::{ApplyTo, FilterMatch, PatchMatch};
use crate::istio::api::fields::read::{Reader, Text};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;

/// The filter that HTTP filters are within, by its name and its old one.
const CONNECTION_MANAGERS: [&str; 2] = [
    "envoy.filters.network.http_connection_manager",
    "envoy.http_connection_manager",
];

/// Checks that what is matched is of the class of what is patched.
pub(in crate::istio::validation) fn object_match(
    one: &PatchMatch,
    apply_to: ApplyTo,
    reader: &mut Reader<'_>,
) {
    let objects = [
        ("listener", one.listener.is_some()),
        ("routeConfiguration", one.route_configuration.is_some()),
        ("cluster", one.cluster.is_some()),
        ("waypoint", one.waypoint.is_some()),
    ];
    let mut there = objects.iter().filter(|(_, is_there)| *is_there);
    if let (Some((first, _)), Some((second, _))) = (there.next(), there.next()) {
        let message = format!("a match has one of `{first}` and `{second}`");
        return refuse(one, &message, "keep one of them", reader);
    }
    let wanted = match apply_to {
        ApplyTo::FilterChain | ApplyTo::HttpFilter | ApplyTo::Listener | ApplyTo::NetworkFilter => {
            "listener"
        }
        ApplyTo::HttpRoute | ApplyTo::RouteConfiguration | ApplyTo::VirtualHost => {
            "routeConfiguration"
        }
        ApplyTo::Cluster => "cluster",
        _ => return,
    };
    let mut others = objects.iter();
    let other = others.find(|(name, is_there)| *is_there && *name != wanted);
    if let Some((name, _)) = other.filter(|(name, _)| *name != "waypoint") {
        let message = format!("what is patched is matched by `{wanted}`, not by `{name}`");
        return refuse(one, &message, "write that, or remove it", reader);
    }
    let listener = one.listener.as_ref();
    let chain = listener.and_then(|listener| listener.filter_chain.as_ref());
    if let Some(filter) = chain.and_then(|chain| chain.filter.as_ref()) {
        filter_match(one, filter, apply_to, reader);
    }
}

fn filter_match(
    one: &PatchMatch,
    filter: &FilterMatch,
    apply_to: ApplyTo,
    reader: &mut Reader<'_>,
) {
    let text = |text: &Text| text.as_ref().map_or(String::new(), |t| t.value.clone());
    let name = text(&filter.name);
    if matches!(apply_to, ApplyTo::FilterChain | ApplyTo::Listener) {
        reader.findings.push(
            Finding::warning(Code::SchemaWarning, filter.at)
                .at_key()
                .message("a match of a filter has no effect on listeners and filter chains")
                .effect("it narrows nothing")
                .in_istio("`istioctl validate` warns of it too")
                .help("remove it"),
        );
    }
    if name.is_empty() {
        let message = "the match of a filter names none";
        return refuse(one, message, "write its `name`", reader);
    }
    let Some(sub_filter) = &filter.sub_filter else {
        return;
    };
    if apply_to != ApplyTo::HttpFilter {
        let message = "`subFilter` is for HTTP_FILTER only";
        refuse(one, message, "remove it", reader);
    } else if !CONNECTION_MANAGERS.contains(&name.as_str()) {
        let message = format!("`{}` has no `subFilter`", shorten(&name));
        let help = format!("write `name: {}`", CONNECTION_MANAGERS[0]);
        refuse(one, &message, &help, reader);
    } else if text(&sub_filter.name).is_empty() {
        let message = "the match of a `subFilter` names none";
        refuse(one, message, "write its `name`", reader);
    }
}

fn refuse(one: &PatchMatch, message: &str, help: &str, reader: &mut Reader<'_>) {
    let finding = Finding::rejected(one.at).message(message).help(help);
    reader.findings.push(finding);
}
