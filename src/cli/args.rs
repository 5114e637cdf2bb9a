use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use http::{HeaderName, HeaderValue, Method, Uri};
use meshless::identity::RequestClaims;

/// Checks Istio's YAML and explains what it does to a request.
#[derive(Debug, Parser)]
#[command(name = "meshless", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 findings that are errors, 2 wrong use or unreadable input."
)]
pub(crate) struct Args {
    /// Use of colors; `auto` is a terminal without `NO_COLOR`.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a process has one value of it")]
pub(crate) enum Command {
    Check(Check),
    /// Print a completion script for a shell.
    Completions {
        /// Shell of the script.
        shell: clap_complete::Shell,
    },
    Explain(Explain),
}

/// Check documents, all of them together.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Files, or folders of `.yaml`, `.yml` and `.json` files; `-` reads the standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Form of the findings.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Findings that fail the check as errors do.
    #[arg(long, value_name = "FINDINGS")]
    pub(crate) deny: Option<Deny>,
    /// Namespace of documents without one.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    pub(crate) default_namespace: String,
}

/// Explain one request: its route, the policies with their files and lines, and the local replies that it may get.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// Files, or folders of `.yaml`, `.yml` and `.json` files; `-` reads the standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) proxy: Proxy,
    /// Port at which the gateway or the workload gets the request; by default any of its ports.
    #[arg(long, conflicts_with = "from")]
    pub(crate) port: Option<u16>,
    /// Identity of the caller, without `spiffe://`, or `none` for plain text; by default the service account of `--from`.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) principal: Option<String>,
    /// Claims of the caller's token, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = RequestClaims::from_json)]
    pub(crate) claims: Option<RequestClaims>,
    /// Address of the caller.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Option<IpAddr>,
    /// Labels of the workload, which selectors match; `app` is its name.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Method of the request.
    #[arg(long, default_value = "GET")]
    pub(crate) method: Method,
    /// URL of the request, with its scheme and host.
    #[arg(long, value_parser = url)]
    pub(crate) url: Uri,
    /// Header of the request, as `name: value`.
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Namespace of documents without one.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    pub(crate) default_namespace: String,
    /// Reject hosts that no document names, as `outboundTrafficPolicy: REGISTRY_ONLY` does.
    #[arg(long)]
    pub(crate) registry_only: bool,
    /// Form of the explanation.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,
}

/// Proxy that gets the request: NAME.NAMESPACE; without a namespace, that of `--default-namespace`.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Proxy {
    /// Workload that sends the request, as NAME.NAMESPACE; without a namespace, that of `--default-namespace`.
    #[arg(long, value_name = "WORKLOAD")]
    pub(crate) from: Option<String>,
    /// Gateway that gets the request, as NAME.NAMESPACE.
    #[arg(long, value_name = "GATEWAY")]
    pub(crate) gateway: Option<String>,
    /// Workload that gets the request, as NAME.NAMESPACE: the rate limits that it has for it.
    #[arg(long, value_name = "WORKLOAD")]
    pub(crate) to: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Deny {
    Warnings,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The source line of each finding, as rustc prints it.
    Text,
    /// One object a line.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExplainFormat {
    Text,
    Json,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write it as `name: value`")?;
    let name = name
        .trim()
        .parse()
        .map_err(|_| "the name is no token of HTTP")?;
    let value = HeaderValue::from_str(value.trim());
    Ok((
        name,
        value.map_err(|_| "the value is not allowed in a header")?,
    ))
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as `key=value`")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err("write it with scheme and host, such as http://users/1".into()),
    }
}
