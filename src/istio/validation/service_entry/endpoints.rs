use crate::istio::api::fields::read::Nullable;
use crate::istio::api::service_entry::{Resolution, ServiceEntry};
use crate::istio::api::workload::Workload;
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;
use crate::istio::validation::names::{bad_domain, is_address, is_label};

pub(in crate::istio::validation) fn endpoints(
    c: &mut Validator<'_>,
    entry: &ServiceEntry,
    resolution: Resolution,
) {
    let Nullable(endpoints) = &entry.endpoints;
    let hint = "write `resolution: STATIC` for addresses, `DNS` for names";
    match resolution {
        Resolution::None if !endpoints.is_empty() => {
            let message = "there are endpoints, and the resolution is NONE";
            c.reject(entry.at, message, hint);
        }
        Resolution::DynamicDns if !endpoints.is_empty() => {
            c.reject(
                entry.at,
                "`endpoints` cannot be combined with the resolution DYNAMIC_DNS",
                "remove them",
            );
        }
        Resolution::DnsRoundRobin if endpoints.len() > 1 => {
            let message = "DNS_ROUND_ROBIN has one endpoint at most";
            c.reject(entry.at, message, "keep one, or write `resolution: DNS`");
        }
        Resolution::Dns | Resolution::DnsRoundRobin if endpoints.is_empty() => {
            for host in entry
                .hosts
                .iter()
                .filter(|host| host.value.starts_with('*'))
            {
                let message = "a host with a `*` cannot be looked up";
                c.reject(
                    host.at,
                    message,
                    "write `endpoints`, or the hosts one by one",
                );
            }
        }
        _ => {}
    }
    c.no_null(&entry.endpoints, entry.at, "endpoints");
    let names: Vec<_> = entry
        .ports
        .0
        .iter()
        .flatten()
        .filter_map(|p| p.name.as_ref())
        .collect();
    for endpoint in endpoints.iter().flatten() {
        let is_dns = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
        workload(c, endpoint, is_dns);
        let address = endpoint.address.as_ref().map_or("", |a| a.value.as_str());
        let is_unix = address.starts_with("unix://");
        if resolution == Resolution::Static
            && !is_address(address)
            && !is_unix
            // An endpoint in another network is reached by its gateway and needs no address.
            && endpoint.network.is_none()
        {
            let message = format!("`{}` is no address", shorten(address));
            c.reject(endpoint.at, message, hint);
        }
        if is_unix && (is_dns || entry.ports.0.len() != 1) {
            let message = "a Unix socket is for the resolution STATIC, and for one port";
            c.reject(
                endpoint.at,
                message,
                "write `resolution: STATIC` and one port",
            );
        }
        for (port, _) in &endpoint.ports {
            if !names.iter().any(|name| name.value == port.value) {
                let message = format!("the service entry has no port `{}`", shorten(&port.value));
                c.reject(port.at, message, "write the name of one of its `ports`");
            }
        }
    }
}

/// Checks the names and numbers of an endpoint's ports.
pub(in crate::istio::validation) fn ports(c: &mut Validator<'_>, workload: &Workload) {
    for (name, _) in &workload.ports {
        if !is_label(&name.value) || name.value.len() > 62 {
            let message = format!("`{}` cannot be a port's name", shorten(&name.value));
            c.reject(name.at, message, "use letters, digits and `-`, 62 at most");
        }
    }
}

/// Checks an endpoint by itself.
pub(in crate::istio::validation) fn workload(
    c: &mut Validator<'_>,
    workload: &Workload,
    is_dns: bool,
) {
    let address = workload.address.as_ref().map_or("", |a| a.value.as_str());
    let at = workload.address.as_ref().map_or(workload.at, |a| a.at);
    if let Some(path) = address.strip_prefix("unix://") {
        if !path.starts_with(['/', '@']) {
            c.reject(
                at,
                "the path of a Unix domain socket has to be absolute",
                "start it with `/`",
            );
        } else if path.ends_with('/') {
            c.reject(
                at,
                "the path of a Unix socket is a file's",
                "remove the `/`",
            );
        } else if !workload.ports.is_empty() {
            c.reject(at, "a Unix domain socket has no ports", "remove `ports`");
        }
    } else if address.is_empty() {
        match &workload.network {
            None => c.require(
                workload.at,
                "address",
                "the endpoint has no address",
                "write `address`",
            ),
            Some(network) => {
                let message = "the endpoint has a network and no address";
                c.warn(network.at, message, "it is not called", "write `address`");
            }
        }
    } else if is_dns && !is_address(address) && bad_domain(address).is_some() {
        c.reject(
            at,
            format!("`{}` is not a host", shorten(address)),
            "write a host or an address",
        );
    }
    ports(c, workload);
    c.labels(&workload.labels);
}
