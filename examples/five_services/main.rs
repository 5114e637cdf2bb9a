//! Five services on this machine, with the crate around their routes and their clients, and what
//! becomes of them when things go wrong.
//!
//! ```text
//! cargo run --example five_services --features full
//! ```
//!
//! The services are in `services/`. They go by Istio's YAML in `examples/policies`, of which
//! `policies.rs` makes a copy with this run's ports. What no document can say stands around their routes
//! in `inbound.rs`, and around their clients in `outbound.rs`. An ingress stands before waste. They call
//! stand-ins for Roboflow, OpenAI and Kakao Map (`stand_ins/`), whose faults follow a script. Each case
//! (`cases/`) is shown as it happens; what it claims is counted by the servers, not by the clients. If
//! anything differs from what is expected, the program ends with 1.

mod admin;
mod args;
mod cases;
mod driver;
mod policies;
mod recorder;
mod report;
mod scale;
mod serve;
mod services;
mod show;
mod stand_ins;
mod witness;
mod world;

use std::error::Error;
use std::process::ExitCode;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use args::{Args, HELP, Part};
use report::Report;
use show::show;
use world::{Settings, World};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("{wrong}; see --help");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print_help();
        return ExitCode::SUCCESS;
    }
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(log.with_filter(EnvFilter::from_default_env()))
        .with(witness::layer())
        .init();
    let outcome = if args.serve {
        serve::serve(&args).await.map(|()| true)
    } else {
        Ok(show(&args).await)
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases; says whether all is as expected.
async fn show(args: &Args) -> bool {
    introduce(args);
    let mut report = Report::new();
    let cases = args.cases();
    for (number, case) in (1..).zip(&cases) {
        report.begin(*case, number, cases.len());
        // Each case starts afresh, so none depends on what another one did.
        let result = match World::start(Settings::new(args)).await {
            Ok(world) => cases::run(*case, &world, &mut report).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            report.broke_off(&error);
        }
    }
    report.table()
}

fn introduce(args: &Args) {
    let factor = args.scale.factor();
    show!("Five services on this machine: auth, users, waste, recycling and locations.");
    show!("They call stand-ins for Roboflow, OpenAI and Kakao Map, which fail by a script.");
    show!("They go by Istio's YAML in examples/policies, and so does an ingress before waste.");
    show!("Whatever is counted below is counted by the servers, not by the clients.");
    if factor > 1 {
        let minute = args.scale.minute().as_secs_f64();
        let rest = args.scale.seconds(30).as_secs_f64();
        show!(
            "Periods are {factor} times shorter than in production (--scale {factor}): \
             a minute lasts {minute:.1} s,"
        );
        show!("and a breaker that rests for 30 s rests for {rest:.1} s.");
    }
    if let Some(part) = args.broken {
        show!("Switched off (--break): {}.", part.name());
    }
}

fn print_help() {
    show!("{HELP}");
    for case in Part::ALL {
        show!("    {:<12}{}", case.name(), case.title());
    }
}
