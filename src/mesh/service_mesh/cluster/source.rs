//! Source address of a workload's own requests.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::{env, fs};

use crate::foundation::http::HashPolicy;

/// Environment variables with the address of a pod: Istio sets the first for its sidecar, and many manifests set the
/// others.
const ADDRESSES: [&str; 3] = ["INSTANCE_IP", "POD_IP", "MY_POD_IP"];

/// Returns the hash key of all requests of this process: the address of its pod or, where the
/// environment has none, the name of the host, which is the pod's. Replicas have different keys, so
/// that they spread over the endpoints.
pub(in crate::mesh) fn source() -> HashPolicy {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let address = ADDRESSES.iter().find_map(|name| {
            let text = env::var(name).ok()?;
            text.trim().parse().ok()
        });
        match address {
            Some(IpAddr::V4(address)) => address.octets().into(),
            Some(IpAddr::V6(address)) => address.octets().into(),
            None => host_name().into_bytes(),
        }
    });
    HashPolicy::fixed(key)
}

/// Returns the name of the host, or a random one if it is unknown.
fn host_name() -> String {
    let name = env::var("HOSTNAME").or_else(|_| fs::read_to_string("/etc/hostname"));
    let name = name.map(|name| name.trim().to_owned()).unwrap_or_default();
    if name.is_empty() {
        return fastrand::u64(..).to_string();
    }
    name
}
