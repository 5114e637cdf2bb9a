use ipnet::IpNet;

use super::{ClientAddress, ForwardedHeader};
use crate::foundation::config::{Invalid, Recorded, names, policy, record};

policy!(ClientAddress);

record! {
    ClientAddressFields {
        header: ForwardedHeader,
        ipv6_prefix: u8,
        trusted: Vec<IpNet>,
        trusts_unix_sockets: bool,
    }
}

impl Recorded for ClientAddress {
    const NAME: &'static str = "client address";
    type Fields = ClientAddressFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let ClientAddressFields {
            header,
            ipv6_prefix,
            trusted,
            trusts_unix_sockets,
        } = fields;
        if ipv6_prefix > 128 {
            return Err(Invalid::new("ipv6_prefix", "must be from 0 to 128"));
        }
        Ok(Self {
            header,
            ipv6_prefix,
            trusted,
            trusts_unix_sockets,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            header,
            ipv6_prefix,
            trusted,
            trusts_unix_sockets,
        } = self;
        Ok(ClientAddressFields {
            header: *header,
            // Above 128 it means 128.
            ipv6_prefix: (*ipv6_prefix).min(128),
            trusted: trusted.clone(),
            trusts_unix_sockets: *trusts_unix_sockets,
        })
    }
}

names! {
    ForwardedHeader, "a header of proxies" {
        "any" => Self::Any => Self::Any;
        "forwarded" => Self::Forwarded => Self::Forwarded;
        "x_forwarded_for" => Self::XForwardedFor => Self::XForwardedFor;
    }
}
