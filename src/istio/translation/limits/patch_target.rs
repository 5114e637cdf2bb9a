use crate::istio::api::envoy_filter::{ApplyTo, ConfigPatch, PatchMatch};

/// Target of a patch.
#[derive(Clone, Debug)]
pub(super) enum PatchTarget {
    /// The HTTP filter chain of all ports or of one.
    Filters {
        port: Option<u16>,
    },
    Route {
        host: HostMatch,
        name: Option<String>,
    },
    VirtualHost(HostMatch),
}

/// Match of virtual hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct HostMatch {
    /// `namespace/name`.
    pub(super) gateway: Option<String>,
    pub(super) domain: Option<String>,
    /// `host:port`, or `inbound|http|port`.
    pub(super) name: Option<String>,
    pub(super) port: Option<u16>,
}

impl PatchTarget {
    /// Reads the target of a patch; `None` if it cannot limit requests.
    pub(super) fn of(patch: &ConfigPatch) -> Option<Self> {
        let matches = patch.matches.as_ref();
        Some(match patch.apply_to?.value {
            ApplyTo::HttpFilter => {
                let listener = matches.and_then(|one| one.listener.as_ref());
                let port = listener.and_then(|listener| listener.port_number);
                Self::Filters {
                    port: port.and_then(|port| u16::try_from(port.value).ok()),
                }
            }
            ApplyTo::HttpRoute => Self::Route {
                host: host(matches),
                name: matches
                    .and_then(|one| {
                        one.route_configuration
                            .as_ref()?
                            .vhost
                            .as_ref()?
                            .route
                            .as_ref()
                    })
                    .and_then(|route| Some(route.name.as_ref()?.value.clone())),
            },
            ApplyTo::VirtualHost => Self::VirtualHost(host(matches)),
            _ => return None,
        })
    }

    /// Returns the name of the only route that is selected.
    pub(super) fn route(&self) -> Option<&str> {
        match self {
            Self::Route { name, .. } => name.as_deref(),
            Self::Filters { .. } | Self::VirtualHost(_) => None,
        }
    }

    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Filters { port } => *port,
            Self::Route { host, .. } | Self::VirtualHost(host) => host.port(),
        }
    }
}

impl HostMatch {
    /// Returns true if the match selects a virtual host of this name, given without its port.
    pub(super) fn is(&self, host: &str) -> bool {
        let by_name = self.name.as_deref().is_none_or(|name| {
            // Names of virtual hosts have the form `host:port`.
            let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
            name.eq_ignore_ascii_case(host)
        });
        by_name
            && self
                .domain
                .as_deref()
                .is_none_or(|domain| domain.eq_ignore_ascii_case(host))
    }

    pub(super) fn is_inbound(&self) -> bool {
        self.name
            .as_deref()
            .is_some_and(|name| name.starts_with("inbound|"))
    }

    /// Returns the port of the virtual host name, otherwise of the route configuration.
    fn port(&self) -> Option<u16> {
        let name = self.name.as_deref();
        let of_name = name.and_then(|name| name.rsplit(['|', ':']).next()?.parse().ok());
        // The name is more specific than the route configuration.
        of_name.or(self.port)
    }
}

fn host(matches: Option<&PatchMatch>) -> HostMatch {
    let Some(routes) = matches.and_then(|one| one.route_configuration.as_ref()) else {
        return HostMatch::default();
    };
    let host = routes.vhost.as_ref();
    // A route configuration is named by its port, or `http.port` at a gateway.
    let named = routes.name.as_ref().and_then(|name| {
        let port = name.value.rsplit(['.', '|']).next()?;
        port.parse().ok()
    });
    let port = routes
        .port_number
        .and_then(|port| u16::try_from(port.value).ok());
    HostMatch {
        gateway: routes.gateway.as_ref().map(|gateway| gateway.value.clone()),
        domain: host.and_then(|host| Some(host.domain_name.as_ref()?.value.clone())),
        name: host.and_then(|host| Some(host.name.as_ref()?.value.clone())),
        port: port.or(named),
    }
}
