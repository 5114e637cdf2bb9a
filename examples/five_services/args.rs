//! The command line.

use std::net::SocketAddr;

use crate::scale::Scale;

pub(crate) const HELP: &str = "\
Five services on this machine, and what becomes of them when things go wrong.

    cargo run --example five_services --features full -- [OPTIONS]

    --only CASE     run this case alone; may be given several times
    --break CASE    switch off the part that this case is about, which makes the case fail;
                    of `identity`: mtls
    --scale N       let a minute last 60/N seconds, N from 1 to 20 [default: 12, so 5 seconds]
    --serve         keep the services up to be tried with curl, until Ctrl-C
    --admin         serve the page for operators, and print its URL and its token for actions
    --metrics ADDR  with --serve: metrics for Prometheus at http://ADDR/metrics
    --help          print this

Cases:";

/// A part of the crate, and the case that shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Breaker,
    Ingress,
    RateLimit,
    Key,
    Timeout,
    Split,
    Canary,
    Sticky,
    Retry,
    Trace,
    Endpoints,
    Mirror,
    Faults,
    Authorization,
    Identity,
    /// The part of `Identity` that refuses plain text; no case of its own.
    Mtls,
    Seen,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 16] = [
        Self::Breaker,
        Self::Ingress,
        Self::RateLimit,
        Self::Key,
        Self::Timeout,
        Self::Split,
        Self::Canary,
        Self::Sticky,
        Self::Retry,
        Self::Trace,
        Self::Endpoints,
        Self::Mirror,
        Self::Faults,
        Self::Authorization,
        Self::Identity,
        Self::Seen,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Ingress => "ingress",
            Self::RateLimit => "rate-limit",
            Self::Key => "key",
            Self::Timeout => "timeout",
            Self::Split => "split",
            Self::Canary => "canary",
            Self::Sticky => "sticky",
            Self::Retry => "retry",
            Self::Trace => "trace",
            Self::Endpoints => "endpoints",
            Self::Mirror => "mirror",
            Self::Faults => "faults",
            Self::Authorization => "authorization",
            Self::Identity => "identity",
            Self::Mtls => "mtls",
            Self::Seen => "seen",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Breaker => "Roboflow fails five times in a row",
            Self::Ingress => "users come in through the gateway, and one pod of waste is gone",
            Self::RateLimit => "no more than 20 calls a minute reach OpenAI, retries included",
            Self::Key => "each caller may have 10 pictures a minute analysed, whatever it claims",
            Self::Timeout => "Kakao Map hangs",
            Self::Split => "waste v2 is released step by step, and rolled back in one",
            Self::Canary => {
                "waste v2 is released by its outcomes, and its bad build is withdrawn by them"
            }
            Self::Sticky => "a user with a cookie stays on one version of waste",
            Self::Retry => "users is flaky: what is safe to repeat is repeated, a POST is not",
            Self::Trace => "one trace from the user through waste to users",
            Self::Endpoints => "users runs as three endpoints, of which one goes bad",
            Self::Mirror => "waste v2 is tried on a tenth of the real requests, unnoticed by users",
            Self::Authorization => "results of waste are read by everyone and confirmed by admins",
            Self::Identity => "waste accepts callers with a certificate of the mesh alone",
            Self::Mtls => "waste refuses plain text",
            Self::Faults => "a fifth of one route of waste is made to fail, to see what that does",
            Self::Seen => "a breaker opens: metric, log line and trace say so in the same words",
        }
    }

    fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|part| part.name() == name);
        known.ok_or_else(|| format!("there is no case `{name}`"))
    }

    /// Returns the part that `--break` names.
    fn parse_broken(name: &str) -> Result<Self, String> {
        match name {
            "mtls" | "identity" => Ok(Self::Mtls),
            case => Self::parse(case),
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) admin: bool,
    pub(crate) broken: Option<Part>,
    pub(crate) help: bool,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) only: Vec<Part>,
    pub(crate) scale: Scale,
    pub(crate) serve: bool,
}

impl Args {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            admin: false,
            broken: None,
            help: false,
            metrics: None,
            only: Vec::new(),
            scale: Scale::default(),
            serve: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--break" => args.broken = Some(Part::parse_broken(&value()?)?),
                "--metrics" => args.metrics = Some(parse_address(&value()?)?),
                "--only" => args.only.push(Part::parse(&value()?)?),
                "--scale" => args.scale = parse_scale(&value()?)?,
                "--admin" => args.admin = true,
                "--serve" => args.serve = true,
                "--help" | "-h" => args.help = true,
                _ => return Err(format!("unknown argument `{word}`")),
            }
        }
        Ok(args)
    }

    /// The cases to run.
    pub(crate) fn cases(&self) -> Vec<Part> {
        let all = Part::ALL.into_iter();
        all.filter(|case| self.only.is_empty() || self.only.contains(case))
            .collect()
    }
}

fn parse_address(word: &str) -> Result<SocketAddr, String> {
    let address = word.parse();
    address.map_err(|_| format!("--metrics takes an address and a port, not `{word}`"))
}

fn parse_scale(word: &str) -> Result<Scale, String> {
    let factor = word.parse().ok().filter(|n| Scale::RANGE.contains(n));
    factor.map(Scale::new).ok_or_else(|| {
        let (least, most) = (Scale::RANGE.start(), Scale::RANGE.end());
        format!("--scale takes a number from {least} to {most}, not `{word}`")
    })
}
