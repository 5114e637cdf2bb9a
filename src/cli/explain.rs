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
    // Names of namespaces have no dot; those of workloads may.
    let (name, namespace) = match args.from.rsplit_once('.') {
        Some(parts) => parts,
        None => (args.from.as_str(), args.default_namespace.as_str()),
    };
    let workload = mesh
        .workload(name, namespace)
        .with_labels(args.labels.clone());
    let explanation = workload.explain(&request(args));
    match args.format {
        ExplainFormat::Text => output.bytes(explanation.to_string().as_bytes())?,
        ExplainFormat::Json => output.line(&format!("{:#}", json(&explanation)))?,
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
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
