//! sidecar server PORT MESHED
//!     answers `hello`: on one port bare, on the other inside `inbound()`
//! sidecar load ROUNDS SECONDS CONNECTIONS RATE TARGET…
//!     calls every target in turns, and prints a table
//!
//! A target is `name=port`, `name=port+outbound` (calls go through `outbound()`) or
//! `name=port:pid,pid` (the processes of a proxy in between). The first one is what the others are compared
//! with. A rate of 0 is a closed loop. `SERVER_PID` names the server.

#[expect(
    unreachable_pub,
    reason = "the other package shares it, and has it in a library"
)]
#[path = "../../peers/src/quartiles.rs"]
mod quartiles;

mod client;
mod process;
mod report;
mod rounds;
mod server;
mod target;

use target::Target;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", port, meshed] => server::serve(number(port), number(meshed)).await,
        ["load", rounds, seconds, connections, rate, ref targets @ ..] => {
            let plan = rounds::Plan {
                connections: number(connections),
                rate: number(rate),
                rounds: number(rounds),
                seconds: number(seconds),
                server: number(&std::env::var("SERVER_PID").expect("SERVER_PID")),
            };
            let targets: Vec<Target> = targets.iter().map(|target| Target::parse(target)).collect();
            let results = rounds::run(&plan, &targets).await;
            report::print(&plan, &targets, results);
        }
        _ => eprintln!("see the head of src/main.rs"),
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number")
}
