//! Serves workloads of the mesh, and refuses strangers: `cargo run --example mtls --features full`.

use axum::routing::get;
use axum::{Extension, Router};
use meshless::client::{Client, TcpConnector, Transport};
use meshless::identity::PeerIdentity;
use meshless::mtls::{
    CertificateOptions, Certificates, Credentials, MtlsListener, MtlsMode, Peer, PeerLayer,
};
use meshless::pool::PoolPolicy;
use rcgen::{CertificateParams, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tokio::net::TcpListener;
use tokio_rustls::rustls::crypto::ring::default_provider;

type Error = Box<dyn std::error::Error>;

/// Issues a certificate, as Istio's authority does: use `CertificateFiles` for those that it has issued.
fn certificates(id: &str, root: &str, issuer: &Issuer<'_, KeyPair>) -> Result<Certificates, Error> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, issuer)?;
    let credentials = Credentials::from_pem(leaf.pem(), key.serialize_pem(), root);
    let options = CertificateOptions::default().with_provider(default_provider());
    Ok(Certificates::new(credentials, options)?)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Error> {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let (cart, users) = (
        "spiffe://cluster.local/ns/shop/sa/cart",
        "spiffe://cluster.local/ns/shop/sa/users",
    );

    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let listener = MtlsListener::new(tcp, MtlsMode::Strict, certificates(users, &root, &issuer)?);
    let (address, stats) = (listener.local_addr()?, listener.stats());
    let hello =
        |Extension(caller): Extension<PeerIdentity>| async move { format!("hello {caller}") };
    let app = Router::new().route("/", get(hello)).layer(PeerLayer::new());
    let app = app.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(axum::serve(listener, app).into_future());

    let connector = TcpConnector::new().without_proxies();
    let connector = connector.with_mtls(certificates(cart, &root, &issuer)?, [users]);
    let client = Client::new(Transport::pooled(PoolPolicy::default(), connector));
    let greeting = client
        .get(format!("https://{address}/"))
        .send()
        .await?
        .text()
        .await?;
    println!("{greeting}");
    assert_eq!(greeting, format!("hello {cart}"));

    let stranger = Client::build(reqwest::Client::builder().no_proxy())?;
    let refused = stranger.get(format!("http://{address}/")).send().await;
    let error = refused.err().ok_or("plain text is refused")?;
    println!("in plain text: {error}");
    assert_eq!(stats.callers()[0].1.plaintext_refused, 1);
    Ok(())
}
