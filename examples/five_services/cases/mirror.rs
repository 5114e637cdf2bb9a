//! A tenth of what recycling reads from waste is copied to v2, which does badly.

use std::time::Duration;

use http::StatusCode;

use super::result;
use crate::Result;
use crate::driver::{Answer, Driver, all};
use crate::report::{Report, percent};
use crate::stand_ins::Fault;
use crate::world::World;

const READS: usize = 300;

/// What the route is given.
const MIRROR: &str = "    mirror:
      host: waste-service
      subset: v2
    mirrorPercentage:
      value: 10
";

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let v2 = &world.waste_v2;
    let late = world.settings.scale.minute();
    report.say("users read results through recycling, from v1; v2 gets a copy of one in ten");
    world.policies.give_v2(0).await?;
    let added = world.policies.add_to_split(MIRROR).await?;
    report.say(format_args!(
        "5 lines more in waste-ab-and-canary.yaml say so, followed after {:.2} s",
        added.took.as_secs_f64()
    ));

    let mut answers = read(world, &driver, report, "v2 is well").await;
    v2.script().always(Fault::Delay(late));
    answers.extend(read(world, &driver, report, "v2 takes a minute").await);
    // Chance decides about each request: of 600, it misses these once in ten thousand times, and by
    // the seed not in this run.
    let asked = answers.len();
    let share = percent(v2.recorder().count(), asked);
    report.check(
        format!("copies of {asked} requests at 10 %"),
        "5 to 15 %",
        format_args!("{share} %"),
        (5..=15).contains(&share),
    );

    v2.script()
        .always(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let before = v2.recorder().count();
    answers.extend(read(world, &driver, report, "v2 answers 500").await);
    report.say("  after 5 failures it is left alone, by the breaker for waste-service");
    let failed = v2.recorder().count() - before;
    // Some copies are on their way when the fifth one fails.
    report.check(
        "copies that it fails until it is left alone",
        "5 to 12",
        failed,
        (5..=12).contains(&failed),
    );

    let asked = answers.len();
    let by_v1 = |answer: &&Answer| answer.is_ok() && answer.body["version"] == "v1";
    let well = answers.iter().filter(by_v1).count();
    report.equal("answers of v1", asked, well);
    let slow = answers.iter().filter(|answer| answer.took >= late).count();
    report.equal("answers that waited for v2", 0, slow);
    let copies = v2.recorder().count();
    let marked = v2.recorder();
    let marked = marked.count_of(|call| call.header("x-meshless-mirror") == Some("true"));
    report.equal("requests at v2 that are marked as copies", copies, marked);

    world.policies.take_from_split(MIRROR).await?;
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

/// Waits until no more copies arrive at v2, for which no user waits.
async fn settle(world: &World) {
    let v2 = world.waste_v2.recorder();
    let mut seen = None;
    while seen.replace(v2.count()) != Some(v2.count()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
