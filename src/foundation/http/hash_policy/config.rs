use http::HeaderName;
use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{HashPolicy, HashSource};
use crate::foundation::config::{Brief, Path, Setting, content, one_of, policy, read_variant};
use crate::foundation::http::{ClientAddress, HashCookie};

policy!(HashPolicy);

/// A list of sources, of which the first with a key decides.
impl Setting for HashPolicy {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        let sources = Vec::read(path, from)?;
        if sources.is_empty() {
            return Err(path.error("an empty list is no key: write `[{header: …}]` or another"));
        }
        Ok(Self(sources))
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(path, to)
    }
}

one_of! {
    HashSource, "a hash key" {
        "client_address"(ClientAddress) => |address| Ok(Self::Address(address));
        "cookie"(Brief<HashCookie>) => |cookie: Brief<HashCookie>| Ok(Self::Cookie(cookie.0));
        "header"(HeaderName) => |name| Ok(Self::Header(name));
        "query"(Box<str>) => |name| Ok(Self::Query(name));
    }
}

impl Setting for HashSource {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Address(address) => content("client_address", address, path, to),
            Self::Cookie(cookie) => content("cookie", &Brief(cookie.clone()), path, to),
            #[cfg(feature = "istio")]
            Self::Fixed(_) => Err(path.write_error("a key of the mesh cannot be written")),
            Self::Function(_) => Err(path.write_error("a function cannot be written")),
            Self::Header(name) => content("header", name, path, to),
            Self::Query(name) => content("query", name, path, to),
        }
    }
}
