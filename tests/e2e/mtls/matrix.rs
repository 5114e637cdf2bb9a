//! Each `tls` of a client against each mode of a server.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http_body::Body;
use meshless::Mesh;
use meshless::client::Response;
use meshless::mesh::MeshClient;

use super::Workload;
use super::identities::{Authority, CART, Leaf, USERS};
use crate::support::{destination_rule, service_entry};

/// A folder with the certificates of a workload that has them in files.
pub(super) struct Files(std::path::PathBuf);

impl Files {
    pub(super) fn new(name: &str, authority: &Authority, id: &str) -> Self {
        let name = format!("meshless-mtls-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let Leaf { chain, key } = authority.issue(id);
        fs::write(folder.join("chain.pem"), chain).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
        fs::write(folder.join("roots.pem"), authority.root()).unwrap();
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) async fn server(mode: &str, authority: &Authority) -> Workload {
    let mesh = Mesh::builder().with_certificates(authority.certificates(USERS));
    let mesh = mesh.read_yaml(&peer_authentication("shop", mode)).unwrap();
    Workload::with(|tcp| mesh.workload("users", "shop").listen(tcp).unwrap()).await
}

pub(super) fn peer_authentication(namespace: &str, mode: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
         metadata: {{name: default, namespace: {namespace}}}\nspec: {{mtls: {{mode: {mode}}}}}\n"
    )
}

/// A client of the mesh that calls `users.shop.svc.cluster.local` under this rule.
pub(super) fn client(port: u16, labels: &str, rule: &str, authority: &Authority) -> MeshClient {
    let rest = format!(
        "location: MESH_INTERNAL, resolution: STATIC, \
         endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{{labels}}}}}]"
    );
    let host = "users.shop.svc.cluster.local";
    let mut yaml = service_entry(host, "protocol: HTTP", &rest);
    if !rule.is_empty() {
        yaml.push_str(&destination_rule(host, rule));
    }
    let mesh = Mesh::builder().with_certificates(authority.certificates(CART));
    let mesh = mesh.read_yaml(&yaml).unwrap();
    mesh.workload("cart", "shop").client()
}

pub(super) async fn called(
    client: &MeshClient,
) -> Option<Response<impl Body<Data = Bytes, Error = impl Into<meshless::outcome::BoxError>>>> {
    let response = client.get("http://users.shop.svc.cluster.local/").send();
    response.await.ok()
}

/// Calls the service, and returns the caller as the service saw it; none if it was not reached.
pub(super) async fn seen(client: &MeshClient) -> Option<String> {
    let response = called(client).await?;
    let is_reached = response.status() == 200;
    let text = response.text().await.unwrap();
    is_reached.then_some(text)
}

#[tokio::test]
async fn each_client_reaches_the_servers_that_it_reaches_through_sidecars() {
    let authority = Authority::new();
    let files = Files::new("matrix", &authority, CART);
    let folder = files.path().display();
    let mutual = format!(
        "tls: {{mode: MUTUAL, clientCertificate: {folder}/chain.pem, privateKey: {folder}/key.pem, \
         caCertificates: {folder}/roots.pem, subjectAltNames: ['{USERS}']}}"
    );
    let simple = format!(
        "tls: {{mode: SIMPLE, caCertificates: {folder}/roots.pem, subjectAltNames: ['{USERS}']}}"
    );
    let auto = ("", "security.istio.io/tlsMode: istio");
    let (plain, none) = (Some("plain text"), None);
    // By the modes of the server: DISABLE, PERMISSIVE, STRICT.
    for ((rule, labels), expected) in [
        (("tls: {mode: DISABLE}", ""), [plain, plain, none]),
        (("tls: {mode: DISABLE}", auto.1), [plain, plain, none]),
        ((&simple, ""), [none, none, none]),
        ((&mutual, ""), [none, Some(CART), Some(CART)]),
        (
            ("tls: {mode: ISTIO_MUTUAL}", ""),
            [none, Some(CART), Some(CART)],
        ),
        (auto, [none, Some(CART), Some(CART)]),
        // Without a label and without a rule.
        (("", ""), [plain, plain, none]),
    ] {
        for (mode, expected) in ["DISABLE", "PERMISSIVE", "STRICT"]
            .into_iter()
            .zip(expected)
        {
            let server = server(mode, &authority).await;
            let client = client(server.address().port(), labels, rule, &authority);
            let answer = seen(&client).await;
            assert_eq!(answer.as_deref(), expected, "{rule} {labels} to {mode}");
        }
    }
}

#[tokio::test]
async fn the_name_of_the_handshake_is_that_of_the_cluster_or_the_written_one() {
    let authority = Authority::new();
    for (tls, expected) in [
        (
            "mode: ISTIO_MUTUAL",
            "outbound_.80_._.users.shop.svc.cluster.local",
        ),
        ("mode: ISTIO_MUTUAL, sni: users.example", "users.example"),
    ] {
        let server = server("STRICT", &authority).await;
        let client = client(
            server.address().port(),
            "",
            &format!("tls: {{{tls}}}"),
            &authority,
        );
        let url = "http://users.shop.svc.cluster.local/sni";
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_server_must_have_one_of_the_written_names_or_the_account_of_an_endpoint() {
    let authority = Authority::new();
    for (tls, is_accepted) in [
        (format!("subjectAltNames: ['{USERS}', other]"), true),
        (format!("subjectAltNames: ['{CART}']"), false),
    ] {
        let server = server("STRICT", &authority).await;
        let rule = format!("tls: {{mode: ISTIO_MUTUAL, {tls}}}");
        let answer = seen(&client(server.address().port(), "", &rule, &authority)).await;
        assert_eq!(answer.is_some(), is_accepted, "{tls}");
    }
    for (account, is_accepted) in [("users", true), ("cart", false)] {
        let server = server("STRICT", &authority).await;
        let port = server.address().port();
        let rest = format!(
            "location: MESH_INTERNAL, resolution: STATIC, endpoints: [{{address: 127.0.0.1, \
             ports: {{http: {port}}}, serviceAccount: {account}}}]"
        );
        let host = "users.shop.svc.cluster.local";
        let yaml = service_entry(host, "protocol: HTTP", &rest)
            .replace("metadata: {", "metadata: {namespace: shop, ")
            + &destination_rule(host, "tls: {mode: ISTIO_MUTUAL}");
        let mesh = Mesh::builder().with_certificates(authority.certificates(CART));
        let mesh = mesh.read_yaml(&yaml).unwrap();
        let client = mesh.workload("cart", "default").client();
        assert_eq!(seen(&client).await.is_some(), is_accepted, "{account}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_do_what_a_rule_demands_refuses_instead_of_plain_text() {
    let authority = Authority::new();
    let server = server("PERMISSIVE", &authority).await;
    let port = server.address().port();
    let rest = format!(
        "location: MESH_INTERNAL, resolution: STATIC, \
         endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]"
    );
    let host = "users.shop.svc.cluster.local";
    let yaml = service_entry(host, "protocol: HTTP", &rest)
        + &destination_rule(host, "tls: {mode: ISTIO_MUTUAL}");
    let mesh = Mesh::builder().with_certificates(authority.certificates(CART));
    let mesh = mesh.read_yaml(&yaml).unwrap();
    let client = mesh
        .workload("cart", "shop")
        .client_with(reqwest::Client::builder)
        .unwrap();
    let error = client
        .get(format!("http://{host}/"))
        .send()
        .await
        .unwrap_err();
    assert!(
        format!("{error:?}").contains("Workload::client"),
        "{error:?}"
    );
    assert!(server.stats.callers().is_empty());
}
