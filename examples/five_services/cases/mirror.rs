//! A tenth of what recycling reads from waste is copied to v2, which does badly.

use std::time::Duration;

use http::StatusCode;

use super::result;
use crate::Result;
use crate::driver::{Answer, Driver, all};
use crate::report::{Report, percent};
use crate::scale;
use crate::stand_ins::Fault;
use crate::world::World;

const READS: usize = 300;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let v2 = &world.waste_v2;
    let late = world.settings.scale.minute();
    report.say("users read results through recycling, from v1; v2 gets a copy of one in ten");
    world.versions.copy_to_v2(10)?;

    let mut answers = read(world, &driver, report, "v2 is well").await;
    v2.script()
        .always(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    answers.extend(read(world, &driver, report, "v2 answers 500").await);
    v2.script().always(Fault::Delay(late));
    answers.extend(read(world, &driver, report, "v2 takes a minute").await);

    // Chance decides about each request: of 900, it misses these once in ten thousand times, and by
    // the seed not in this run.
    let asked = answers.len();
    let copies = v2.recorder().count();
    let share = percent(copies, asked);
    report.check(
        format!("copies of {asked} requests at 10 %"),
        "6 to 14 %",
        format_args!("{share} %"),
        (6..=14).contains(&share),
    );
    let by_v1 = |answer: &&Answer| answer.is_ok() && answer.body["version"] == "v1";
    let well = answers.iter().filter(by_v1).count();
    report.equal("answers of v1", asked, well);
    let slow = answers.iter().filter(|answer| answer.took >= late).count();
    report.equal("answers that waited for v2", 0, slow);
    let marked = v2.recorder();
    let marked = marked.count_of(|call| call.header("x-meshless-mirror") == Some("true"));
    report.equal("requests at v2 that are marked as copies", copies, marked);

    world.versions.copy_to_v2(0)?;
    read(world, &driver, report, "no more copies").await;
    let after = v2.recorder().count() - copies;
    report.equal("copies after it is switched off", 0, after);
    Ok(())
}

/// Reads results, shows how many copies reached v2 meanwhile, and returns what the users got.
async fn read(world: &World, driver: &Driver, report: &mut Report, what: &str) -> Vec<Answer> {
    let before = world.waste_v2.recorder().count();
    let answers = all((0..READS).map(|id| result(driver, world, id)), 8).await;
    settle(world).await;
    let copies = world.waste_v2.recorder().count() - before;
    report.bar(what, copies, READS);
    let mut times: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    times.sort();
    let median = times[READS / 2].as_secs_f64() * 1e3;
    let well = answers.iter().filter(|answer| answer.is_ok()).count();
    report.say(format_args!(
        "  {well} of {READS} users: 200 OK, half of them within {median:.1} ms"
    ));
    answers
}

/// Waits until the copies that were begun arrived at v2, for which no user waits.
async fn settle(world: &World) {
    let end = scale::now() + Duration::from_secs(5);
    let begun = || world.versions.copies().chosen;
    while (world.waste_v2.recorder().count() as u64) < begun() && scale::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
