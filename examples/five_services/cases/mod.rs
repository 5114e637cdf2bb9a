//! The cases: each drives the services, reports what happens, and checks what the servers saw.

mod authorization;
mod breaker;
mod canary;
mod endpoints;
mod faults;
mod identity;
mod ingress;
mod key;
mod mirror;
mod rate_limit;
mod retry;
mod seen;
mod split;
mod sticky;
mod timeout;
mod trace;

use serde_json::json;

use crate::Result;
use crate::args::Part;
use crate::driver::{Call, Driver, all};
use crate::report::Report;
use crate::world::World;

/// Runs `case` in a fresh world.
pub(crate) async fn run(case: Part, world: &World, report: &mut Report) -> Result<()> {
    match case {
        Part::Authorization => authorization::run(world, report).await,
        Part::Breaker => breaker::run(world, report).await,
        Part::Canary => canary::run(world, report).await,
        Part::Ingress => ingress::run(world, report).await,
        Part::RateLimit => rate_limit::run(world, report).await,
        Part::Key => key::run(world, report).await,
        Part::Timeout => timeout::run(world, report).await,
        Part::Split => split::run(world, report).await,
        Part::Sticky => sticky::run(world, report).await,
        Part::Retry => retry::run(world, report).await,
        Part::Trace => trace::run(world, report).await,
        Part::Endpoints => endpoints::run(world, report).await,
        Part::Mirror => mirror::run(world, report).await,
        Part::Faults => faults::run(world, report).await,
        Part::Identity | Part::Mtls => identity::run(world, report).await,
        Part::Seen => seen::run(world, report).await,
    }
}

/// A user's request to have a picture analysed.
fn analyze(driver: &Driver, world: &World) -> Call {
    let url = format!("{}/api/v1/waste/analyze", world.waste.url());
    driver.post(&url, &json!({ "user": "mina", "picture": "can.jpg" }))
}

/// A user's request to read result `id`, through recycling.
fn result(driver: &Driver, world: &World, id: usize) -> Call {
    let url = world.recycling.url();
    driver.get(&format!("{url}/api/v1/recycling/results/{id}"))
}

/// A user's request for places nearby.
fn near(driver: &Driver, world: &World) -> Call {
    let url = world.locations.url();
    driver.get(&format!("{url}/api/v1/locations/near?user=mina"))
}

/// Reads results through recycling, with the header `version` if one is given; returns how many requests reached v2.
async fn read_results(
    world: &World,
    driver: &Driver,
    calls: usize,
    version: Option<&str>,
) -> usize {
    let v2 = world.waste_v2.recorder();
    let before = v2.count();
    let calls = (1..=calls).map(|id| {
        let call = result(driver, world, id);
        match version {
            Some(version) => call.header("version", version),
            None => call,
        }
    });
    all(calls, 8).await;
    v2.count() - before
}
