//! Views of HTTP messages: heads, authorities, addresses, cookies, gRPC.

pub(crate) mod authority;
pub(crate) mod client_address;
pub(crate) mod cookie;
pub(crate) mod grpc;
pub(crate) mod hash_cookie;
pub(crate) mod hash_policy;
pub(crate) mod head;
pub(crate) mod header_scan;
pub(crate) mod normal_path;
pub(crate) mod query;
pub(crate) mod retry_after;
#[cfg(feature = "serde")]
mod settings;

pub use client_address::ClientAddress;
pub use client_address::ForwardedHeader;
pub use client_address::PeerAddress;
pub use client_address::UnixPeer;
#[cfg(feature = "istio")]
pub(crate) use client_address::x_forwarded_for;
pub use grpc::GrpcStatus;
pub use hash_cookie::HashCookie;
pub use hash_policy::HashPolicy;
pub use head::RequestHead;
pub use head::ResponseHead;
pub(crate) use header_scan::HeaderScan;
