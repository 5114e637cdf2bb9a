//! A fifth of the requests of one route is answered 503 on purpose, switched on and off while waste runs.

use http::StatusCode;
use meshless::fault_injection::{Abort, FaultInjectionPolicy};
use meshless::{Percent, RequestHead};
use serde_json::json;

use crate::Result;
use crate::args::Part;
use crate::driver::{Driver, all};
use crate::report::{Report, percent};
use crate::world::World;

const READS: usize = 300;
const CONFIRMATIONS: usize = 60;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let waste = &world.waste;
    let (aborted, _) = ask(world, &driver, report, "as always").await;
    report.equal("requests aborted at first", 0, aborted);

    report.say("a fifth of `GET /api/v1/waste/results/{id}` is to fail");
    let reads = |head: RequestHead<'_>| {
        head.method() == http::Method::GET
            && head.uri().path().starts_with("/api/v1/waste/results/")
    };
    let faults = FaultInjectionPolicy::off()
        .with_abort(
            Percent::new(20),
            Abort::Http(StatusCode::SERVICE_UNAVAILABLE),
        )
        .with_match(reads);
    let off = FaultInjectionPolicy::off();
    waste.inject(world.settings.policy(Part::Faults, faults, off));
    let before = waste.admitted().count();
    let (aborted, confirmed) = ask(world, &driver, report, "switched on").await;
    let reached = waste.admitted().count() - before;
    // By chance it is less or more once in ten thousand times, and by the seed not in this run.
    let share = percent(aborted, READS);
    report.check(
        format!("aborted of {READS} at 20 %"),
        "11 to 29 %",
        format_args!("{share} %"),
        (11..=29).contains(&share),
    );
    let spared = READS - aborted + CONFIRMATIONS;
    report.equal("requests that reached the handlers", spared, reached);
    report.equal("confirmations, of 60, meanwhile", CONFIRMATIONS, confirmed);

    waste.inject(FaultInjectionPolicy::off());
    let (aborted, _) = ask(world, &driver, report, "switched off").await;
    report.equal("requests aborted after that", 0, aborted);
    Ok(())
}

/// Reads results, confirms others; returns how many reads were answered 503, and how many
/// confirmations were not.
async fn ask(world: &World, driver: &Driver, report: &mut Report, what: &str) -> (usize, usize) {
    let url = format!("{}/api/v1/waste/results", world.waste.url());
    let reads = (0..READS).map(|id| driver.get(&format!("{url}/{id}")));
    let confirm = |id| driver.post(&format!("{url}/{id}/confirm"), &json!({}));
    let confirmations = (0..CONFIRMATIONS).map(confirm);
    let (reads, confirmations) = tokio::join!(all(reads, 4), all(confirmations, 2));
    let aborted = |answer: &&crate::driver::Answer| answer.is(StatusCode::SERVICE_UNAVAILABLE);
    let aborted = reads.iter().filter(aborted).count();
    let confirmed = confirmations
        .iter()
        .filter(|answer| answer.is(StatusCode::NO_CONTENT))
        .count();
    report.bar(what, aborted, READS);
    report.say(format_args!(
        "  and {confirmed} of {CONFIRMATIONS} confirmations went well"
    ));
    (aborted, confirmed)
}
