use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::foundation::endpoints::Endpoint;

/// A DNS name to resolve, and the common properties of its endpoints.
///
/// ```
/// use meshless::dns::DnsName;
///
/// # fn main() -> Result<(), meshless::dns::InvalidName> {
/// let users = DnsName::host("users.default.svc.cluster.local", 8000)?
///     .with_label("version", "v2")
///     .with_weight(3);
/// let web = DnsName::srv("_http._tcp.example.com")?;
/// # let _ = (users, web);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsName {
    labels: BTreeMap<Box<str>, Box<str>>,
    name: Box<str>,
    port: Option<u16>,
    weight: Option<u32>,
}

/// Error for a text that is not a DNS name.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidName {
    /// A character other than `a-z`, `0-9`, `-` and `_`.
    #[error("`{name}` has the character `{character}`, which no name has")]
    Character {
        /// The given text.
        name: Box<str>,
        /// The first such character.
        character: char,
    },
    /// An empty name, or an empty label between two dots.
    #[error("`{0}` has an empty label")]
    Empty(Box<str>),
    /// A name of more than 253 characters, or a label of more than 63.
    #[error("`{0}` is too long")]
    TooLong(Box<str>),
}

impl DnsName {
    /// Creates the name of a host; each of its addresses is an endpoint with this port.
    ///
    /// A name without a trailing dot is searched for as the system does (`search` and `ndots` of
    /// `resolv.conf`), except that a failed query ends the search, since a later domain might have
    /// a different host of that name. An IP address is an endpoint by itself and is never resolved.
    ///
    /// # Errors
    ///
    /// If the text is not a valid name. Names that are not ASCII have to be given in punycode.
    pub fn host(name: impl Into<Box<str>>, port: u16) -> Result<Self, InvalidName> {
        Self::of(name.into(), Some(port))
    }

    /// Creates the name of a service, whose SRV records list hosts, ports and weights.
    ///
    /// Of several priorities the lowest number counts that has an address. Each address of a host has the
    /// weight of its record, or of all its records together; a weight of 0 gets a hundredth of a weight of
    /// 1, and as much as the others where all are 0.
    ///
    /// # Errors
    ///
    /// If the text is not a valid name.
    pub fn srv(name: impl Into<Box<str>>) -> Result<Self, InvalidName> {
        Self::of(name.into(), None)
    }

    /// Adds a label to the endpoints of this name. The default is no labels.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Sets the weight of each endpoint of this name. The default is the weight of the SRV record,
    /// or 1 without one; an endpoint with weight 0 gets no requests.
    #[must_use]
    pub const fn with_weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Returns the name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn of(name: Box<str>, port: Option<u16>) -> Result<Self, InvalidName> {
        // IPv6 addresses contain colons, which are not valid in names.
        if name.parse::<IpAddr>().is_err() {
            check(&name)?;
        }
        Ok(Self {
            labels: BTreeMap::new(),
            name,
            port,
            weight: None,
        })
    }
}

impl DnsName {
    /// Returns the port of a host; `None` for a service.
    pub(in crate::transport::dns) const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Creates an endpoint for an address, with the weight of its record.
    pub(in crate::transport::dns) fn endpoint(&self, address: SocketAddr, weight: u32) -> Endpoint {
        let endpoint = Endpoint::from(address).with_weight(self.weight.unwrap_or(weight));
        let labels = self.labels.iter();
        labels.fold(endpoint, |endpoint, (name, value)| {
            endpoint.with_label(name.clone(), value.clone())
        })
    }
}

fn check(name: &str) -> Result<(), InvalidName> {
    // Underscores are not allowed in host names, but SRV names and some internal hosts have them.
    let known = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    if let Some(character) = name.chars().find(|c| !known(c)) {
        let name = name.into();
        return Err(InvalidName::Character { name, character });
    }
    let whole = name.strip_suffix('.').unwrap_or(name);
    if whole.split('.').any(str::is_empty) {
        return Err(InvalidName::Empty(name.into()));
    }
    // RFC 1035 2.3.4: 255 bytes on the wire, which are 253 characters.
    if whole.len() > 253 || whole.split('.').any(|label| label.len() > 63) {
        return Err(InvalidName::TooLong(name.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_name_server_would_take_is_an_error() {
        let long = "a".repeat(64);
        let many = "a.".repeat(128);
        for (name, expected) in [
            ("", "empty"),
            (".", "empty"),
            ("a..b", "empty"),
            (".a", "empty"),
            ("a b", "` `"),
            ("http://a", "`:`"),
            ("bücher.example", "`ü`"),
            (long.as_str(), "long"),
            (many.as_str(), "long"),
        ] {
            let error = DnsName::host(name, 80).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        for name in ["a", "a.", "_http._tcp.a-b.example", "10.0.0.1", "::1"] {
            assert_eq!(DnsName::host(name, 80).unwrap().name(), name);
        }
    }
}
