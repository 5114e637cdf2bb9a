//! waste v2 is released by itself while it is as good as v1, and withdrawn by itself when it is not.

use std::time::Duration;

use http::StatusCode;
use meshless::Percent;
use meshless::canary::{AbortReason, CanaryPolicy, Step, Tally, Verdict};
use meshless::mesh::{CanaryRelease, CanaryStatus};

use super::read_results;
use crate::Result;
use crate::args::Part;
use crate::driver::Driver;
use crate::report::Report;
use crate::scale;
use crate::stand_ins::Fault;
use crate::world::World;

const HOST: &str = "waste-service.waste.svc.cluster.local";

/// Requests at the end of each rollout, by which its effect is seen.
const AFTER: usize = 100;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    report.say("v2 gets 10 %, 50 %, then all of what recycling reads, if it is no worse than v1");
    let status = rollout(world, &driver, report, false).await?;
    let promoted = status.is_some_and(|status| *status.decision().verdict() == Verdict::Promoted);
    report.equal("v2 was promoted", true, promoted);
    let v2 = read_results(world, &driver, AFTER, None).await;
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
    let v2 = read_results(world, &driver, AFTER, None).await;
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
        read_results(world, driver, 200, None).await;
        return Ok(None);
    }
    let mesh = world.policies.mesh();
    let rollout = mesh.start_canary(CanaryRelease::new(HOST, "v2", policy))?;
    let (began, v2) = (scale::now(), world.waste_v2.recorder().count());
    let mut weight = rollout.status().decision().weight();
    loop {
        read_results(world, driver, 50, None).await;
        let status = rollout.status();
        if status.decision().weight() != weight {
            weight = status.decision().weight();
            report.say(format_args!("v2 gets {}", in_short(&status)));
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

/// Writes weight and evidence in the width of a terminal.
fn in_short(status: &CanaryStatus) -> String {
    let weight = status.decision().weight().millionths() / 10_000;
    match status.decision().verdict() {
        Verdict::Aborted(AbortReason::Worse(report)) => {
            let (v1, v2) = (report.stable(), report.canary());
            let count = |tally: Tally| format!("{} of {}", tally.bad(), tally.requests());
            format!(
                "{weight} %: it failed {}, v1 {} at the same time",
                count(v2),
                count(v1)
            )
        }
        _ => format!("{weight} %"),
    }
}
