//! waste v2 gets 10 %, 50 %, 100 % of what recycling reads, and is rolled back in one step: by the file that
//! says it, which is edited while the services run.

use super::read_results;
use crate::Result;
use crate::driver::Driver;
use crate::report::{Report, percent};
use crate::world::World;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    report.say("users read results through recycling, which reads them from waste");
    report.say("the weights are edited in waste-ab-and-canary.yaml, which the services follow");
    let mut edits = Vec::new();
    // Chance decides about each request: of 300, it misses these once in a hundred thousand times.
    for (weight, calls, least, most) in [(10, 300, 3, 18), (50, 300, 37, 63), (100, 100, 100, 100)]
    {
        edits.push(world.policies.give_v2(weight).await?);
        let v2 = read_results(world, &driver, calls, None).await;
        report.bar(format_args!("v2 may have {weight} %"), v2, calls);
        let share = percent(v2, calls);
        let expected = if least == most {
            format!("{least} %")
        } else {
            format!("{least} to {most} %")
        };
        let holds = (least..=most).contains(&share);
        let what = format!("v2's share of {calls} requests at {weight} %");
        report.check(what, expected, format!("{share} %"), holds);
    }
    edits.push(world.policies.give_v2(0).await?);
    let v2 = read_results(world, &driver, 100, None).await;
    report.bar("rolled back", v2, 100);
    report.equal("v2's requests of 100 after the roll-back", 0, v2);
    // The first 10 % are what the file says anyway.
    let edits = &edits[1..];
    let took = edits.iter().map(|edit| edit.took).max().unwrap_or_default();
    report.say(format_args!(
        "the edits were followed after {:.2} s at the most",
        took.as_secs_f64()
    ));
    let in_time = edits.iter().filter(|edit| edit.in_time).count();
    report.equal("edits of the file followed within 1 s, of 3", 3, in_time);
    let v2 = read_results(world, &driver, 50, Some("v2")).await;
    report.bar("header version: v2", v2, 50);
    report.equal("v2's requests of 50 with `version: v2`", 50, v2);
    Ok(())
}
