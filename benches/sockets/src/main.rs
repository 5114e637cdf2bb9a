//! Compares clients over loopback sockets: instructions, allocations, CPU time and throughput of a request.
//!
//! `list`, `serve`, `client CASE ADDRESS COUNT`, `table ROUNDS COUNT`; `run` calls them.

mod cases;
mod server;
mod table;

use std::net::SocketAddr;

use tokio::runtime::Runtime;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => cases::CASES.iter().for_each(|(name, _)| println!("{name}")),
        ["serve"] => {
            println!("{}", server::start());
            // Until it is killed.
            std::thread::park();
        }
        ["client", case, address, count] => {
            let address: SocketAddr = address.parse().expect("an address");
            let count = count.parse().expect("a count");
            let runtime = runtime();
            runtime.block_on(cases::find(case)(address).run(1, count));
        }
        ["table", rounds, count] => table::print(
            rounds.parse().expect("a count of rounds"),
            count.parse().expect("a count of requests"),
        ),
        _ => eprintln!("list | serve | client CASE ADDRESS COUNT | table ROUNDS COUNT"),
    }
}

/// Returns a runtime of one thread, so that the CPU time of the thread is that of the client.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
