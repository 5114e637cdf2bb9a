//! waste accepts workloads of its mesh alone, as `waste-mtls.yaml` says, and of these one alone, as `who-may-call.yaml`
//! says. The certificates are made here.

use std::fs;
use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use http::StatusCode;
use meshless::Mesh;
use meshless::identity::PeerIdentity;
use meshless::mesh::{MeshClient, Workload};
use meshless::mtls::{CertificateOptions, Certificates, Credentials, MtlsListener, MtlsMode, Peer};
use meshless::testing::RecordingObserver;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tokio::net::TcpListener;
use tokio_rustls::rustls::crypto::ring::default_provider;

use crate::Result;
use crate::args::Part;
use crate::report::Report;
use crate::world::World;

const LOCATIONS: &str = "spiffe://cluster.local/ns/locations/sa/locations-service";
const RECYCLING: &str = "spiffe://cluster.local/ns/recycling/sa/recycling-service";
const WASTE: &str = "spiffe://cluster.local/ns/waste/sa/waste-service";

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let authority = Authority::new()?;
    let mut documents = fs::read_to_string(world.policies.folder().join("waste-mtls.yaml"))?;
    if !world.settings.is_broken(Part::Authorization) {
        documents.push_str("---\n");
        documents.push_str(include_str!("who-may-call.yaml"));
    }
    let events = Arc::new(RecordingObserver::new(100));
    let mesh = Mesh::builder()
        .with_certificates(authority.certificates(WASTE)?)
        .with_observer(Arc::clone(&events) as _)
        .read_yaml(&documents)?;

    let waste = mesh.workload("waste-service", "waste");
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let port = tcp.local_addr()?.port();
    report.say(format_args!(
        "waste listens once more, where its documents say {}",
        waste.mtls_mode(port)
    ));
    let listener = if world.settings.is_broken(Part::Mtls) {
        MtlsListener::new(tcp, MtlsMode::Permissive, authority.certificates(WASTE)?)
    } else {
        waste.listen(tcp)?
    };
    let stats = listener.stats();
    let server = serve(listener, &waste);

    let recycling = client(port, Some(authority.certificates(RECYCLING)?))?;
    let answer = ask(&recycling).await;
    report.say(format_args!(
        "recycling asks with its certificate: {answer}"
    ));
    report.equal(
        "the caller that waste sees",
        "recycling-service".to_owned(),
        answer,
    );

    let answer = ask(&client(port, Some(authority.certificates(LOCATIONS)?))?).await;
    report.say(format_args!(
        "locations asks with its certificate: {answer}"
    ));
    report.equal(
        "the answer to a workload that may not call",
        "403 Forbidden".to_owned(),
        answer,
    );
    let seen = events.take();
    let denial = seen.iter().find(|(event, _)| event.name() == "rejected");
    let said = denial.map_or_else(String::new, |(event, _)| event.to_string());
    let rule = denial
        .and_then(|(_, source)| source.rule())
        .unwrap_or("none");
    report.say(format_args!("waste says of it: {said}"));
    report.say(format_args!("by the rule {rule}"));
    let is_named = rule.contains("policy[who-may-call]");
    report.equal(
        "the policy that refused it, by the log",
        "who-may-call",
        if is_named { "who-may-call" } else { "none" },
    );

    let stranger = Authority::new()?.certificates(RECYCLING)?;
    let answer = ask(&client(port, Some(stranger))?).await;
    report.say(format_args!(
        "a stranger asks with a certificate of its own making: {answer}"
    ));
    report.equal(
        "the answer to a made-up certificate",
        "none".to_owned(),
        answer,
    );

    let answer = ask(&client(port, None)?).await;
    report.say(format_args!(
        "a stranger asks without a certificate: {answer}"
    ));
    report.equal(
        "the answer without a certificate",
        "none".to_owned(),
        answer,
    );

    let callers = stats.callers().into_iter();
    let refused = callers.map(|(_, caller)| (caller.plaintext_refused, caller.failed_handshakes));
    let refused = refused.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    for (what, count) in [
        ("connections in plain text that waste closed", refused.0),
        ("handshakes that waste refused", refused.1),
    ] {
        report.check(what, ">= 1", count, count >= 1);
    }
    server.abort();
    Ok(())
}

/// Serves the name of the caller, behind the stack of the workload.
fn serve(listener: MtlsListener, workload: &Workload) -> tokio::task::JoinHandle<()> {
    let who = |caller: Option<Extension<PeerIdentity>>| async move {
        let account = caller
            .as_ref()
            .and_then(|Extension(caller)| caller.service_account());
        account.unwrap_or("unknown").to_owned()
    };
    let routes = Router::new()
        .route("/api/v1/waste/who", get(who))
        .layer(workload.server());
    let routes = routes.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        // It ends with its task.
        let _ = axum::serve(listener, routes).await;
    })
}

/// A workload's client that knows one endpoint of waste; without certificates it calls in plain text.
fn client(port: u16, certificates: Option<Certificates>) -> Result<MeshClient> {
    let yaml = format!(
        "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: waste, namespace: waste}}
spec:
  hosts: [waste-service.waste.svc.cluster.local]
  location: MESH_INTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints:
  - address: 127.0.0.1
    ports: {{http: {port}}}
    labels: {{security.istio.io/tlsMode: istio}}
    serviceAccount: waste-service
"
    );
    let mut mesh = Mesh::builder();
    if let Some(certificates) = certificates {
        mesh = mesh.with_certificates(certificates);
    }
    let mesh = mesh.read_yaml(&yaml)?;
    Ok(mesh.workload("recycling-service", "recycling").client())
}

async fn ask(client: &MeshClient) -> String {
    let url = "http://waste-service.waste.svc.cluster.local/api/v1/waste/who";
    match client.get(url).send().await {
        Ok(answer) if answer.status() == StatusCode::OK => answer.text().await.unwrap_or_default(),
        Ok(answer) if answer.status() == StatusCode::FORBIDDEN => answer.status().to_string(),
        _ => "none".to_owned(),
    }
}

/// The authority of a mesh.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

impl Authority {
    fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, root })
    }

    fn certificates(&self, id: &str) -> Result<Certificates> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let credentials = Credentials::from_pem(leaf.pem(), key.serialize_pem(), &self.root);
        let options = CertificateOptions::default().with_provider(default_provider());
        Ok(Certificates::new(credentials, options)?)
    }
}
