use http::HeaderMap;

/// Set of the fields that the edge acts on and a request has. One pass over the names replaces
/// a hash lookup for each field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Presence(u16);

impl Presence {
    pub(super) const CONNECTION: Self = Self(1);
    pub(super) const CONTENT_LENGTH: Self = Self(1 << 1);
    pub(super) const COOKIE: Self = Self(1 << 2);
    /// `x-envoy-…`.
    pub(super) const ENVOY: Self = Self(1 << 3);
    pub(super) const EXPECT: Self = Self(1 << 4);
    pub(super) const FORWARDED_CLIENT_CERT: Self = Self(1 << 5);
    pub(super) const FORWARDED_FOR: Self = Self(1 << 6);
    pub(super) const FORWARDED_PROTO: Self = Self(1 << 7);
    pub(super) const HOST: Self = Self(1 << 8);
    pub(super) const REQUEST_ID: Self = Self(1 << 9);
    pub(super) const TE: Self = Self(1 << 10);
    pub(super) const TRANSFER_ENCODING: Self = Self(1 << 11);

    pub(super) fn of(headers: &HeaderMap) -> Self {
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

    /// Returns true if any of these fields is present.
    pub(super) const fn has(self, fields: Self) -> bool {
        self.0 & fields.0 != 0
    }
}
