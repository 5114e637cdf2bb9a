//! A fifth of the requests of one route is answered 503 on purpose, switched on and off by a document while
//! the ingress runs.

use http::StatusCode;
use serde_json::json;

use crate::Result;
use crate::driver::{Driver, all};
use crate::report::{Report, percent};
use crate::world::World;

const READS: usize = 300;
const CONFIRMATIONS: usize = 60;

/// The document, and the name of its file, which comes before that of the gateway's own route: the first
/// route that matches is the one.
const NAME: &str = "a-fifth-fails.yaml";
const DOCUMENT: &str = include_str!("a-fifth-fails.yaml");

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let reached = || world.waste.admitted().count() + world.waste_v2.admitted().count();
    let (aborted, _) = ask(world, &driver, report, "as always").await;
    report.equal("requests aborted at first", 0, aborted);

    report.say(
        "a fifth of `GET /api/v1/waste/results/{id}` is to fail, says a document that is added",
    );
    world.policies.write(NAME, DOCUMENT).await?;
    let before = reached();
    let (aborted, confirmed) = ask(world, &driver, report, "switched on").await;
    let admitted = reached() - before;
    // By chance it is less or more once in ten thousand times, and by the seed not in this run.
    let share = percent(aborted, READS);
    report.check(
        format!("aborted of {READS} at 20 %"),
        "11 to 29 %",
        format_args!("{share} %"),
        (11..=29).contains(&share),
    );
    let spared = READS - aborted + CONFIRMATIONS;
    report.equal("requests that reached the handlers", spared, admitted);
    report.equal("confirmations, of 60, meanwhile", CONFIRMATIONS, confirmed);

    world.policies.remove(NAME).await?;
    let (aborted, _) = ask(world, &driver, report, "switched off").await;
    report.equal("requests aborted after that", 0, aborted);
    Ok(())
}

/// Reads results, confirms others; returns how many reads were answered 503, and how many
/// confirmations were not.
async fn ask(world: &World, driver: &Driver, report: &mut Report, what: &str) -> (usize, usize) {
    let url = format!("{}/api/v1/waste/results", world.ingress.url());
    let host = "api.yourdomain.com";
    let reads = (0..READS).map(|id| driver.get(&format!("{url}/{id}")).header("host", host));
    let confirm = |id| {
        let url = format!("{url}/{id}/confirm");
        driver.post(&url, &json!({})).header("host", host)
    };
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
