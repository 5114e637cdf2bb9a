use std::io;
use std::process::ExitCode;

use http::Request;
use meshless::Mesh;
use meshless::events::Origin;
use meshless::mesh::Error;
use meshless::mesh::explain::{Explanation, LocalReply, Setting};
use serde_json::{Map, Value, json};

use super::args::{Explain, ExplainFormat};
use super::input::inputs;
use super::output::Output;

/// Explains a request and returns the exit code.
pub(crate) fn run(args: &Explain, mut output: Output) -> io::Result<ExitCode> {
    let mesh = Mesh::builder()
        .with_default_namespace(args.default_namespace.as_str())
        .with_registry_only(args.registry_only)
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
    match args.format {
        ExplainFormat::Text => output.bytes(explanation.to_string().as_bytes())?,
        ExplainFormat::Json => output.line(&format!("{:#}", json(&explanation)))?,
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
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
