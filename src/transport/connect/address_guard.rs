use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::foundation::endpoints::address_class::AddressClass;
use crate::foundation::outcome::BoxError;

/// Guard of connections to places that an outsider may have named: they go to allowed addresses alone, whatever a name
/// resolves to.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressGuard {
    /// True if the configuration names the host, which may then be private.
    pub(super) is_named: bool,
}

impl AddressGuard {
    /// Returns the URI with each allowed address of its host in place of the host.
    pub(super) async fn resolve(self, uri: &Uri) -> Result<Vec<Uri>, BoxError> {
        let host = uri.host().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = if let Ok(address) = literal.parse::<IpAddr>() {
            vec![address]
        } else {
            let name = Name::from_str(host)?;
            let found = GaiResolver::new().call(name).await?;
            found.map(|address| address.ip()).collect()
        };
        let allowed: Vec<_> = addresses
            .into_iter()
            // Checked and connected to: a name that resolves otherwise the second time has no second time.
            .filter(|address| AddressClass::of(*address).may_be_called(self.is_named))
            .filter_map(|address| at(uri, address))
            .collect();
        if allowed.is_empty() {
            return Err(format!("{host} has no address that may be called").into());
        }
        Ok(allowed)
    }
}

fn at(uri: &Uri, address: IpAddr) -> Option<Uri> {
    let authority = match uri.port_u16() {
        Some(port) => SocketAddr::new(address, port).to_string(),
        None if address.is_ipv6() => format!("[{address}]"),
        None => address.to_string(),
    };
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(Authority::try_from(authority).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(uri: &'static str, is_named: bool) -> Result<Vec<String>, String> {
        let guard = AddressGuard { is_named };
        match guard.resolve(&Uri::from_static(uri)).await {
            Ok(all) => Ok(all.iter().map(Uri::to_string).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn a_name_of_the_machine_itself_is_for_the_configuration_alone() {
        let named = resolve("http://localhost:8080/keys", true).await.unwrap();
        assert!(
            named
                .iter()
                .all(|uri| uri == "http://127.0.0.1:8080/keys" || uri == "http://[::1]:8080/keys"),
            "{named:?}"
        );
        let other = resolve("http://localhost:8080/keys", false).await;
        assert_eq!(
            other,
            Err("localhost has no address that may be called".to_owned())
        );
    }

    #[tokio::test]
    async fn other_spellings_of_an_address_do_not_help() {
        // The resolver of the system knows these, and the guard sees what it makes of them.
        for uri in [
            "http://2852039166/latest",
            "http://0xa9fea9fe/latest",
            "http://169.254.169.254/latest",
            "http://[::ffff:169.254.169.254]/latest",
        ] {
            assert!(resolve(uri, true).await.is_err(), "{uri}");
        }
    }
}
