use std::io;
use std::process::ExitCode;

use http::header::HOST;
use http::{HeaderValue, Request};
use meshless::Mesh;
use meshless::authorization::AccessExplanation;
use meshless::events::{Origin, Source};
use meshless::identity::{IdentityError, LocalAddress, PeerIdentity};
use meshless::mesh::Error;
use meshless::mesh::explain::{Explanation, LocalReply, Setting};
use meshless::outcome::DenyReason;
use meshless::rate_limit::PeerAddress;
use serde_json::{Map, Value, json};

use super::args::{Explain, ExplainFormat};
use super::input::inputs;
use super::output::Output;

/// Explains a request and returns the exit code.
pub(crate) fn run(args: &Explain, mut output: Output) -> io::Result<ExitCode> {
    let mesh = Mesh::builder()
        .with_default_namespace(args.default_namespace.as_str())
        .with_registry_only(args.registry_only)
        // Identities are arguments here.
        .with_peer_identities(true)
        .read_inputs(inputs(&args.paths)?);
    let mesh = match mesh {
        Ok(mesh) => mesh,
        Err(Error::Documents(found)) => {
            for one in found {
                eprintln!("{one}");
            }
            eprintln!("a mesh rejects these documents");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let explanation = explain(args, &mesh).map_err(io::Error::other)?;
    let access = access(args, &mesh).map_err(io::Error::other)?;
    match args.format {
        ExplainFormat::Text => {
            output.bytes(explanation.to_string().as_bytes())?;
            if let Some((to, access)) = &access {
                output.line(&format!("access to {to}: {access}"))?;
            }
        }
        ExplainFormat::Json => {
            let mut value = json(&explanation);
            if let Some((to, access)) = &access {
                value["access"] = decision(to, access);
            }
            output.line(&format!("{value:#}"))?;
        }
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Splits `name.namespace`: names of namespaces have no dot, those of workloads may.
fn split<'a>(workload: &'a str, namespace: &'a str) -> (&'a str, &'a str) {
    workload.rsplit_once('.').unwrap_or((workload, namespace))
}

/// Explains whether the called workload lets the request pass: that of `--to`, or of the URL's host. None if no policy
/// is for it.
fn access(
    args: &Explain,
    mesh: &Mesh,
) -> Result<Option<(String, AccessExplanation)>, IdentityError> {
    let own = args.default_namespace.as_str();
    let from = args.proxy.from.as_deref().map(|from| split(from, own));
    let mut labels = args.url.host().unwrap_or_default().split('.');
    let (name, namespace) = match (&args.proxy.to, &args.proxy.gateway) {
        (_, Some(_)) => return Ok(None),
        (Some(to), None) => split(to, own),
        // A host inside the mesh is `name.namespace.svc.…`.
        (None, None) => (
            labels.next().unwrap_or_default(),
            labels
                .next()
                .unwrap_or_else(|| from.map_or(own, |(_, namespace)| namespace)),
        ),
    };
    let mut request = request(args);
    let host = args.url.authority().map(http::uri::Authority::as_str);
    if let Some(Ok(host)) = host.map(HeaderValue::try_from) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    let port = args.port.or_else(|| args.url.port_u16()).unwrap_or(80);
    let extensions = request.extensions_mut();
    extensions.insert(LocalAddress(([0, 0, 0, 0], port).into()));
    if let Some(ip) = args.ip {
        extensions.insert(PeerAddress(ip));
    }
    if let Some(claims) = &args.claims {
        extensions.insert(claims.clone());
    }
    let account = from.map(|(name, namespace)| format!("cluster.local/ns/{namespace}/sa/{name}"));
    let principal = args.principal.clone().or(account);
    if let Some(principal) = principal.filter(|principal| principal != "none") {
        extensions.insert(PeerIdentity::from_uri(&format!("spiffe://{principal}"))?);
    }
    let access = mesh.workload(name, namespace).explain_access(&request);
    Ok(access.map(|access| (format!("{name}.{namespace}"), access)))
}

fn decision(to: &str, access: &AccessExplanation) -> Value {
    let rule = |source: &Source| json!({"rule": source.rule(), "origin": place(source.origin())});
    let notes = access.notes().map(|(note, source)| {
        let mut value = rule(source);
        value["note"] = note.into();
        value
    });
    json!({
        "workload": to,
        "allowed": access.is_allowed(),
        "reason": access.denied().map(DenyReason::label),
        "decidedBy": rule(access.source()),
        "external": access.external().map(rule),
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn explain(args: &Explain, mesh: &Mesh) -> Result<Explanation, Error> {
    let request = request(args);
    // Names of namespaces have no dot; those of workloads may.
    let parts = |name: &str| match name.rsplit_once('.') {
        Some((name, namespace)) => (name.to_owned(), namespace.to_owned()),
        None => (name.to_owned(), args.default_namespace.clone()),
    };
    if let Some(gateway) = &args.proxy.gateway {
        let (name, namespace) = parts(gateway);
        let gateway = mesh.gateway(&name, &namespace)?;
        return Ok(match args.port {
            Some(port) => gateway.with_port(port).explain(&request),
            None => gateway.explain(&request),
        });
    }
    let (from, to) = (args.proxy.from.as_deref(), args.proxy.to.as_deref());
    let (name, namespace) = parts(from.or(to).unwrap_or_default());
    let workload = mesh.workload(&name, &namespace);
    let workload = workload.with_labels(args.labels.clone());
    if from.is_some() {
        return Ok(workload.explain(&request));
    }
    Ok(match args.port {
        Some(port) => workload.server().with_port(port).explain(&request),
        None => workload.server().explain(&request),
    })
}

fn request(args: &Explain) -> Request<()> {
    let mut request = Request::new(());
    request.method_mut().clone_from(&args.method);
    request.uri_mut().clone_from(&args.url);
    for (name, value) in &args.headers {
        request.headers_mut().append(name, value.clone());
    }
    request
}

fn json(explanation: &Explanation) -> Value {
    let host = explanation.virtual_host();
    let host = host.map(|(name, origin)| json!({"name": name, "origin": place(origin)}));
    let route = explanation.route().map(|route| {
        let clusters = route.clusters().iter().map(|cluster| {
            let (weight, total) = cluster.weight();
            json!({
                "name": cluster.name(),
                "origin": place(cluster.origin()),
                "weight": weight,
                "totalWeight": total,
                "settings": settings(cluster.settings()),
            })
        });
        json!({
            "index": route.index(),
            "name": route.name(),
            "origin": place(route.origin()),
            "settings": settings(route.settings()),
            "clusters": clusters.collect::<Vec<_>>(),
        })
    });
    let replies = explanation.local_replies().iter().map(reply);
    json!({
        "method": explanation.method(),
        "url": explanation.url(),
        "workload": explanation.workload(),
        "listener": settings(explanation.listener()),
        "virtualHost": host,
        "route": route,
        "localReplies": replies.collect::<Vec<_>>(),
    })
}

fn settings(settings: &[Setting]) -> Vec<Value> {
    let settings = settings.iter().map(|setting| {
        let values = setting.values();
        let values: Map<_, _> = values
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        json!({
            "name": setting.name(),
            "origin": place(setting.origin()),
            "values": values,
        })
    });
    settings.collect()
}

fn reply(reply: &LocalReply) -> Value {
    json!({
        "status": reply.status().as_u16(),
        "grpcStatus": reply.grpc_status().code(),
        "flag": reply.flag(),
        "policy": reply.policy(),
        "condition": reply.condition(),
        "certain": reply.is_certain(),
        "origin": place(reply.origin()),
    })
}

fn place(origin: Option<&Origin>) -> Value {
    origin.map_or(Value::Null, |origin| {
        let file = origin.file().map(|file| file.to_string_lossy());
        json!({"file": file, "line": origin.line()})
    })
}
