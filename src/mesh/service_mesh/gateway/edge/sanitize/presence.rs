use http::HeaderMap;

/// Set of the fields that the edge acts on and a request has. One pass over the names replaces
/// a hash lookup for each field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::mesh::service_mesh::gateway::edge) struct Presence(u16);

impl Presence {
    pub(in crate::mesh::service_mesh::gateway::edge) const CONNECTION: Self = Self(1);
    pub(in crate::mesh::service_mesh::gateway::edge) const CONTENT_LENGTH: Self = Self(1 << 1);
    pub(in crate::mesh::service_mesh::gateway::edge) const COOKIE: Self = Self(1 << 2);
    /// `x-envoy-…`.
    pub(in crate::mesh::service_mesh::gateway::edge) const ENVOY: Self = Self(1 << 3);
    pub(in crate::mesh::service_mesh::gateway::edge) const EXPECT: Self = Self(1 << 4);
    pub(in crate::mesh::service_mesh::gateway::edge) const FORWARDED_CLIENT_CERT: Self =
        Self(1 << 5);
    pub(in crate::mesh::service_mesh::gateway::edge) const FORWARDED_FOR: Self = Self(1 << 6);
    pub(in crate::mesh::service_mesh::gateway::edge) const FORWARDED_PROTO: Self = Self(1 << 7);
    pub(in crate::mesh::service_mesh::gateway::edge) const HOST: Self = Self(1 << 8);
    pub(in crate::mesh::service_mesh::gateway::edge) const REQUEST_ID: Self = Self(1 << 9);
    pub(in crate::mesh::service_mesh::gateway::edge) const TE: Self = Self(1 << 10);
    pub(in crate::mesh::service_mesh::gateway::edge) const TRANSFER_ENCODING: Self = Self(1 << 11);

    pub(in crate::mesh::service_mesh::gateway::edge) fn of(headers: &HeaderMap) -> Self {
        headers
            .keys()
            .map(|name| Self::named(name.as_str()))
            .fold(Self::default(), |all, one| Self(all.0 | one.0))
    }

    fn named(name: &str) -> Self {
        // The first letter distinguishes most names.
        match name.as_bytes()[0] {
            b'c' => match name {
                "connection" => Self::CONNECTION,
                "content-length" => Self::CONTENT_LENGTH,
                "cookie" => Self::COOKIE,
                _ => Self::default(),
            },
            b'e' if name == "expect" => Self::EXPECT,
            b'h' if name == "host" => Self::HOST,
            b't' => match name {
                "te" => Self::TE,
                "transfer-encoding" => Self::TRANSFER_ENCODING,
                _ => Self::default(),
            },
            b'x' => match name {
                "x-forwarded-client-cert" => Self::FORWARDED_CLIENT_CERT,
                "x-forwarded-for" => Self::FORWARDED_FOR,
                "x-forwarded-proto" => Self::FORWARDED_PROTO,
                "x-request-id" => Self::REQUEST_ID,
                _ if name.starts_with("x-envoy-") => Self::ENVOY,
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    /// Says that one of these fields is there.
    pub(in crate::mesh::service_mesh::gateway::edge) const fn has(self, fields: Self) -> bool {
        self.0 & fields.0 != 0
    }
}
