//! Host names, compared as by Istio's `pkg/config/host`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

/// Returns the full name of a host: a short name is a service of the namespace.
pub(in crate::istio) fn full<'a>(host: &'a str, namespace: &str, domain: &str) -> Cow<'a, str> {
    let is_short = !host.is_empty() && !host.contains('.') && host != "*";
    // An IPv6 address contains no dot.
    if !is_short || host.parse::<IpAddr>().is_ok() {
        return Cow::Borrowed(host);
    }
    let mut full = host.to_owned();
    for (before, part) in [(".", namespace), (".svc.", domain)] {
        if !part.is_empty() {
            full.push_str(before);
            full.push_str(part);
        }
    }
    Cow::Owned(full)
}

/// Returns the namespace of a cluster service.
pub(in crate::istio) fn namespace<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    let service = host.strip_suffix(domain)?.strip_suffix(".svc.")?;
    let (name, namespace) = service.split_once('.')?;
    (!name.is_empty() && !namespace.contains('.')).then_some(namespace)
}

/// Returns all names that a workload in the namespace `from` may use for a host.
pub(in crate::istio) fn aliases(host: &str, from: &str, domain: &str) -> Vec<String> {
    let mut names = vec![host.to_owned()];
    if let Some(namespace) = namespace(host, domain) {
        let name = host.split('.').next().unwrap_or(host);
        names.push(format!("{name}.{namespace}.svc"));
        names.push(format!("{name}.{namespace}"));
        // The short name resolves within the own namespace only, as by `resolv.conf` in a pod.
        if namespace == from {
            names.push(name.to_owned());
        }
    }
    names
}

pub(in crate::istio) fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Returns true if every host of `one` is a host of `all`; a wildcard is not within itself, as in
/// Istio.
pub(in crate::istio) fn is_within(one: &str, all: &str) -> bool {
    match (one.strip_prefix('*'), all.strip_prefix('*')) {
        (Some(_), None) => false,
        (Some(end), Some(all)) => one.len() > all.len() && end.ends_with(all),
        (None, Some(all)) => one.ends_with(all),
        (None, None) => one == all,
    }
}

/// Returns true if `all` covers `one` or both are equal.
pub(in crate::istio) fn is_covered_by(one: &str, all: &str) -> bool {
    one == all || is_within(one, all)
}

/// Returns the intersection of two lists of hosts: of two overlapping hosts, the narrower.
pub(in crate::istio) fn intersection<'a>(one: &[&'a str], two: &[&'a str]) -> Vec<&'a str> {
    let mut common = Vec::new();
    for one in one {
        for two in two {
            let narrower = if is_within(one, two) {
                one
            } else if is_within(two, one) {
                two
            } else {
                continue;
            };
            if !common.contains(narrower) {
                common.push(*narrower);
            }
        }
    }
    common
}

/// Compares by specificity: names before wildcards, longer before shorter, then alphabetically.
pub(in crate::istio) fn by_specificity(one: &str, two: &str) -> Ordering {
    is_wildcard(one)
        .cmp(&is_wildcard(two))
        .then(two.len().cmp(&one.len()))
        .then(one.cmp(two))
}
