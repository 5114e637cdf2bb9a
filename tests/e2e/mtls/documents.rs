//! The mode of a port, by documents that change.

use meshless::Mesh;
use meshless::mesh::ListenError;
use meshless::mtls::MtlsMode;
use tokio::net::TcpListener;

use super::Workload;
use super::identities::{Authority, USERS};
use super::matrix::{client, peer_authentication, seen};

#[tokio::test]
async fn a_change_of_the_documents_holds_for_the_next_connection() {
    let authority = Authority::new();
    let mesh = Mesh::builder().with_certificates(authority.certificates(USERS));
    let mesh = mesh.read_yaml("").unwrap();
    let listen = |tcp| mesh.workload("users", "shop").listen(tcp).unwrap();
    let server = Workload::with(listen).await;
    let plain = || {
        client(
            server.address().port(),
            "",
            "tls: {mode: DISABLE}",
            &authority,
        )
    };
    assert_eq!(seen(&plain()).await.as_deref(), Some("plain text"));
    mesh.apply(&peer_authentication("shop", "STRICT")).unwrap();
    assert_eq!(seen(&plain()).await, None);
    mesh.apply(&peer_authentication("shop", "DISABLE")).unwrap();
    assert_eq!(seen(&plain()).await.as_deref(), Some("plain text"));
    assert_eq!(
        server.events.names(),
        ["plaintext_accepted", "plaintext_refused"]
    );
    let [(address, stats)] = server.stats.callers()[..] else {
        panic!("one caller");
    };
    assert!(address.is_loopback());
    assert_eq!((stats.plaintext_accepted, stats.plaintext_refused), (1, 1));
}

#[tokio::test]
async fn a_mesh_without_certificates_does_not_listen_and_warns_about_documents_that_need_some() {
    let yaml = peer_authentication("shop", "STRICT");
    let mesh = Mesh::from_yaml(&yaml).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = mesh.workload("users", "shop").listen(tcp).unwrap_err();
    assert!(matches!(error, ListenError::NoCertificates), "{error}");
    let codes = |mesh: &Mesh| {
        let found = mesh.diagnostics().into_iter();
        found.map(|found| found.code().as_str()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&mesh), ["MSH0009"]);
    let certificates = Authority::new().certificates(USERS);
    let mesh = Mesh::builder()
        .with_certificates(certificates)
        .read_yaml(&yaml)
        .unwrap();
    assert_eq!(codes(&mesh), [""; 0]);
    assert_eq!(
        mesh.workload("users", "shop").mtls_mode(80),
        MtlsMode::Strict
    );
    assert_eq!(
        mesh.workload("users", "other").mtls_mode(80),
        MtlsMode::Permissive
    );
}
