//! waste v2 is released by itself while it is as good as v1, and withdrawn by itself when it is not.

use std::time::Duration;

use http::StatusCode;
use meshless::Percent;
use meshless::canary::{CanaryPolicy, Step, Verdict};
use meshless::mesh::{CanaryRelease, CanaryStatus};

use super::result;
use crate::Result;
use crate::args::Part;
use crate::driver::{Driver, all};
use crate::report::Report;
use crate::scale;
use crate::stand_ins::Fault;
use crate::world::World;

const HOST: &str = "waste-service.waste.svc.cluster.local";

/// Requests at the end of each rollout, by which its effect is seen.
const AFTER: usize = 100;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    report.say("v2 gets 10 %, then 50 %, then all of what recycling reads, if it is no worse than v1");
    let status = rollout(world, &driver, report, false).await?;
    let promoted = status.is_some_and(|status| *status.decision().verdict() == Verdict::Promoted);
    report.equal("v2 was promoted", true, promoted);
    let v2 = read(world, &driver, AFTER).await;
    report.bar("v2 after its release", v2, AFTER);
    report.equal("v2's requests of 100 after its release", AFTER, v2);

    report.say("the next build of v2 fails every second request");
    world.policies.mesh().set_weights(HOST, 1, [100, 0])?;
    let lost = Some(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    world.waste_v2.script().cycle(vec![None, lost]);
    let status = rollout(world, &driver, report, true).await?;
    let aborted = status.map(|status| status.decision().verdict().clone());
    let aborted = matches!(aborted, Some(Verdict::Aborted(_)));
    report.equal("v2 was withdrawn", true, aborted);
    let v2 = read(world, &driver, AFTER).await;
    report.equal("v2's requests of 100 after that", 0, v2);
    world.waste_v2.script().heal();
    Ok(())
}

/// Releases v2 while users read results, and returns the end; none if it does not end, or does not begin.
async fn rollout(
    world: &World,
    driver: &Driver,
    report: &mut Report,
    is_bad: bool,
) -> Result<Option<CanaryStatus>> {
    // 10 s in production.
    let step = world.settings.scale.minute() / 6;
    let policy = CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::Pause(step),
        Step::SetWeight(Percent::new(50)),
        Step::Pause(step),
    ]);
    if world.settings.is_broken(Part::Canary) {
        read(world, driver, 200).await;
        return Ok(None);
    }
    let mesh = world.policies.mesh();
    let rollout = mesh.start_canary(CanaryRelease::new(HOST, "v2", policy))?;
    let (began, v2) = (scale::now(), world.waste_v2.recorder().count());
    let mut weight = rollout.status().decision().weight();
    loop {
        read(world, driver, 50).await;
        let status = rollout.status();
        if status.decision().weight() != weight {
            weight = status.decision().weight();
            report.say(format_args!("{status}"));
        }
        if status.is_over() {
            if is_bad {
                let seen = world.waste_v2.recorder().count() - v2;
                report.say(format_args!("the bad build of v2 got {seen} requests"));
            }
            return Ok(Some(status));
        }
        if scale::now() - began > Duration::from_secs(60) {
            report.say(format_args!("after a minute: {status}"));
            return Ok(None);
        }
    }
}

/// Reads results; returns how many requests reached v2.
async fn read(world: &World, driver: &Driver, calls: usize) -> usize {
    let v2 = world.waste_v2.recorder();
    let before = v2.count();
    all((1..=calls).map(|id| result(driver, world, id)), 8).await;
    v2.count() - before
}
