//! Names, values and statuses of HTTP and gRPC in a configuration.

use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;
use serde::ser::Serializer;

use super::GrpcStatus;
use crate::foundation::config::{Leaf, Path, Refusal, Scalar, leaf, texts};

leaf!(GrpcStatus, IpNet, StatusCode);

texts! {
    Authority: "a host, with or without a port",
        |text| text.parse().map_err(|_| Refusal::Other), |value| Some(value.as_str());
    HeaderName: "the name of a header",
        |text| text.parse().map_err(|_| Refusal::Other), |value| Some(value.as_str());
    HeaderValue: "the value of a header",
        |text| Self::from_bytes(text.as_bytes()).map_err(|_| Refusal::Other),
        |value| std::str::from_utf8(value.as_bytes()).ok();
    Scheme: "a scheme: write `http` or `https`",
        |text| text.parse().map_err(|_| Refusal::Other), |value| Some(value.as_str());
}

impl Leaf for IpNet {
    const EXPECTED: &'static str = "a network: write an address with the length of its prefix, \
                                    such as `10.0.0.0/8`, or a single address";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        let Scalar::Text(text) = scalar else {
            return Err(Refusal::Other);
        };
        let single = || text.parse().ok().map(std::net::IpAddr::into);
        let network = text.parse().ok().or_else(single);
        network.ok_or(Refusal::Other)
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Leaf for StatusCode {
    const EXPECTED: &'static str = "a status: write a number from 100 to 999";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        Self::from_u16(u16::of(scalar)?).map_err(|_| Refusal::Other)
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.as_u16())
    }
}

impl Leaf for GrpcStatus {
    const EXPECTED: &'static str =
        "a gRPC status: write its name, such as `UNAVAILABLE`, or its number from 0 to 16";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        let found = match scalar {
            Scalar::Integer(code) => {
                Self::all().find(|known| u8::try_from(code) == Ok(known.code()))
            }
            Scalar::Text(name) => Self::all().find(|known| known.name().eq_ignore_ascii_case(name)),
            _ => None,
        };
        found.ok_or(Refusal::Other)
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}
