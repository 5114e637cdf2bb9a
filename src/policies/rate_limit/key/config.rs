use http::HeaderName;
use serde::de::Deserializer;
use serde::ser::Serializer;

use super::Key;
use crate::foundation::config::{Path, Setting, content, one_of, policy, read_variant};
use crate::foundation::http::ClientAddress;

policy!(Key);

one_of! {
    Key, "a key" {
        name "global" => Self::Global;
        name "method" => Self::Method;
        name "path" => Self::Path;
        name "client_address" => Self::ClientAddress(ClientAddress::peer());
        "all"(Vec<Self>) => |keys| Ok(Self::All(keys));
        "client_address"(ClientAddress) => |address| Ok(Self::ClientAddress(address));
        "cookie"(String) => |name| Ok(Self::Cookie(name));
        "header"(HeaderName) => |name| Ok(Self::Header(name));
    }
}

impl Setting for Key {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(keys) => content("all", keys, path, to),
            Self::ClientAddress(address) => content("client_address", address, path, to),
            Self::Cookie(name) => content("cookie", name, path, to),
            Self::Function(_) => {
                let reason = "a function cannot be written; set it in code, after the policy is \
                              read";
                Err(path.write_error(reason))
            }
            Self::Global => to.serialize_str("global"),
            Self::Header(name) => content("header", name, path, to),
            Self::Method => to.serialize_str("method"),
            Self::Path => to.serialize_str("path"),
        }
    }
}
