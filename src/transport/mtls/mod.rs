//! Mutual TLS with X.509-SVIDs: which workload calls, and which one is called.
//!
//! # Example
//!
//! A server that accepts workloads of its trust domain only, and knows who calls:
//!
//! ```no_run
//! use axum::{Extension, Router, routing::get};
//! use meshless::identity::PeerIdentity;
//! use meshless::mtls::{
//!     CertificateFiles, CertificateOptions, Certificates, MtlsListener, MtlsMode, Peer, PeerLayer,
//! };
//! use tokio::net::TcpListener;
//!
//! # #[cfg(feature = "axum")]
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! // The application chooses the provider: here, and by its dependency on rustls.
//! tokio_rustls::rustls::crypto::ring::default_provider().install_default().ok();
//! let files = CertificateFiles::new("/certs/chain.pem", "/certs/key.pem", "/certs/roots.pem");
//! let certificates = Certificates::new(files, CertificateOptions::default())?;
//! let listener = TcpListener::bind("0.0.0.0:8443").await?;
//! let listener = MtlsListener::new(listener, MtlsMode::Strict, certificates);
//!
//! let hello = |Extension(caller): Extension<PeerIdentity>| async move { format!("hello {caller}") };
//! let app = Router::new().route("/", get(hello)).layer(PeerLayer::new());
//! axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Under Istio's documents, `Workload::listen` takes the mode of its port from `PeerAuthentication`, and the clients of
//! the mesh take theirs from `tls` of a `DestinationRule`: see [`MeshBuilder::with_certificates`].
//!
//! # Verification
//!
//! Both sides verify the same of the other's leaf, by the SPIFFE standard: exactly one URI, a SPIFFE ID with a path; no
//! certificate authority; a key that signs handshakes and neither certificates nor revocation lists; a chain to a root
//! **of its own trust domain**. The roots of one domain vouch for no workload of another. The host name plays no part;
//! a client may demand names (`subjectAltNames`). A peer that is refused is closed, and the reason is an event
//! (`handshake_failed`), with a [`HandshakeFailure`].
//!
//! Sessions are not resumed, since a resumed session is not verified again: a removed root and a new certificate hold
//! for each new connection. Connections that exist stay, as in Istio.
//!
//! # Servers
//!
//! | server | connections | identity |
//! |---|---|---|
//! | `axum::serve` | the listener | `into_make_service_with_connect_info::<Peer>()` and [`PeerLayer`] |
//! | tonic | `serve_with_incoming(listener)` | [`PeerLayer`] by `Server::layer` |
//! | hyper | [`MtlsListener::accept`] | [`PeerLayer::of`] the stream's [`Peer`] around the service |
//!
//! # TLS provider
//!
//! The application installs one for the process, or gives it by [`CertificateOptions::with_provider`]. Without either
//! [`Certificates::new`] returns [`CertificateError::NoProvider`]. One that is linked only is not used, so it does not
//! matter how many are.
//!
//! [`HandshakeFailure`]: crate::events::HandshakeFailure
//! [`MeshBuilder::with_certificates`]: crate::mesh::MeshBuilder

#[macro_use]
mod signatures;

mod certificates;
#[cfg(feature = "reqwest")]
mod client;
mod server;
mod svid;

pub use crate::foundation::tls::MtlsMode;
pub use certificates::credentials::{CertificateSource, Credentials};
pub use certificates::error::CertificateError;
pub use certificates::files::CertificateFiles;
pub use certificates::handle::Certificates;
pub use certificates::options::CertificateOptions;
pub use server::layer::{PeerLayer, PeerService};
pub use server::listener::MtlsListener;
pub use server::peer::Peer;
pub use server::policy::ListenerPolicy;
pub use server::stats::{CallerStats, ListenerStats};
pub use server::stream::PeerStream;

#[cfg(all(feature = "istio", feature = "reqwest"))]
pub(crate) use client::cluster_tls::Accepted;
#[cfg(feature = "reqwest")]
pub(crate) use client::cluster_tls::{ClusterTls, with_reason};
#[cfg(all(feature = "istio", feature = "reqwest"))]
pub(crate) use client::files::TlsFiles;
#[cfg(feature = "istio")]
pub(crate) use server::layer::identify;
