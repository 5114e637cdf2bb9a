use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Class of an address by its reach, for requests that an outsider may have caused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AddressClass {
    /// Link-local, multicast or unspecified, or the metadata of a cloud's machine: nothing that has keys.
    Forbidden,
    /// Of the machine or its network.
    Private,
    Public,
}

/// Metadata services of clouds outside the link-local networks.
const METADATA: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

impl AddressClass {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// Returns true if a request may go to it; `is_named` says that the configuration names its host.
    pub(crate) const fn may_be_called(self, is_named: bool) -> bool {
        match self {
            Self::Forbidden => false,
            Self::Private => is_named,
            Self::Public => true,
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        if METADATA.contains(&address) || address.is_link_local() || a == 0 || a >= 224 {
            Self::Forbidden
        } else if address.is_private()
            || address.is_loopback()
            // Carrier-grade NAT, protocol assignments and benchmarks (RFC 6598, 6890, 2544).
            || (a == 100 && (64..128).contains(&b))
            || (a == 192 && b == 0 && c == 0)
            || (a == 198 && (b == 18 || b == 19))
        {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        let first = segments[0];
        let embedded = |high: u16, low: u16| {
            let bits = (u32::from(high) << 16) | u32::from(low);
            Self::of_v4(Ipv4Addr::from_bits(bits))
        };
        if METADATA_V6.contains(&address)
            || address.is_unspecified()
            || address.is_multicast()
            || address.is_unicast_link_local()
        {
            Self::Forbidden
        } else if address.is_loopback() || address.is_unique_local() || first & 0xffc0 == 0xfec0 {
            Self::Private
        } else if first == 0x2002 {
            // 6to4: the IPv4 address is behind the prefix.
            embedded(segments[1], segments[2])
        } else if segments[..6] == [0; 6] || segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
            // IPv4-compatible, and NAT64.
            embedded(segments[6], segments[7])
        } else {
            Self::Public
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AddressClass::{Forbidden, Private, Public};
    use super::*;

    #[test]
    fn addresses_have_the_reach_of_their_network_in_each_spelling() {
        for (address, class) in [
            ("8.8.8.8", Public),
            ("100.63.255.255", Public),
            ("172.32.0.1", Public),
            ("2606:4700::1", Public),
            ("10.1.2.3", Private),
            ("127.0.0.1", Private),
            ("172.16.0.1", Private),
            ("192.168.0.1", Private),
            ("100.64.0.1", Private),
            ("198.18.0.1", Private),
            ("::1", Private),
            ("fd12::1", Private),
            ("::ffff:10.0.0.1", Private),
            ("64:ff9b::a00:1", Private),
            ("2002:a00:1::", Private),
            ("169.254.169.254", Forbidden),
            ("100.100.100.200", Forbidden),
            ("168.63.129.16", Forbidden),
            ("0.0.0.0", Forbidden),
            ("255.255.255.255", Forbidden),
            ("224.0.0.1", Forbidden),
            ("::", Forbidden),
            ("fe80::1", Forbidden),
            ("ff02::1", Forbidden),
            ("fd00:ec2::254", Forbidden),
            ("::ffff:169.254.169.254", Forbidden),
            ("::169.254.169.254", Forbidden),
            ("64:ff9b::a9fe:a9fe", Forbidden),
            ("2002:a9fe:a9fe::", Forbidden),
        ] {
            assert_eq!(
                AddressClass::of(address.parse().unwrap()),
                class,
                "{address}"
            );
        }
        assert!(!Forbidden.may_be_called(true));
        assert!(Private.may_be_called(true) && !Private.may_be_called(false));
        assert!(Public.may_be_called(false));
    }
}
