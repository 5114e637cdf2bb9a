//! Roboflow fails five times in a row: waste leaves it alone for 30 s, then asks it again: the breaker of the
//! review.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::sleep_until;

use super::{analyze, near, result};
use crate::Result;
use crate::driver::{Answer, Driver, all, steadily};
use crate::report::{Report, percent};
use crate::scale;
use crate::services::EJECTED_SECONDS;
use crate::stand_ins::Fault;
use crate::world::World;

const FAILURES: usize = 5;

/// How long a slice of the recovery is, in seconds of production.
const SLICE: u32 = 6;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let rest = world.settings.scale.seconds(EJECTED_SECONDS);

    let opened = fail_in_a_row(world, &driver, report).await;
    let closes = opened + rest;
    while_open(world, &driver, report, closes).await;
    sleep_until(closes.into()).await;
    let early = world.roboflow.recorder();
    let early = early.count_of(|call| call.at > opened && call.at < closes);
    report.equal("calls that reach Roboflow in these 30 s", 0, early);
    recover(world, &driver, report).await;
    Ok(())
}

/// Lets Roboflow fail, and returns when it got the last of the failing calls.
async fn fail_in_a_row(world: &World, driver: &Driver, report: &mut Report) -> Instant {
    let roboflow = world.roboflow.recorder();
    let well = analyze(driver, world).of_anyone().send().await;
    report.say(format_args!(
        "all is well: a picture is sent to waste, which asks Roboflow: {}",
        well.words()
    ));
    let before = roboflow.count();
    let script = world.roboflow.script();
    script.always(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    report.say("Roboflow begins to answer 500, which waste returns to its users as 502");
    for number in 1..=FAILURES {
        let answer = analyze(driver, world).of_anyone().send().await;
        report.say(format_args!("picture {number}: {}", answer.words()));
    }
    let calls = roboflow.arrivals();
    report.equal(
        "failing calls that reach Roboflow",
        FAILURES,
        calls.len() - before,
    );
    calls.last().map_or_else(scale::now, |call| call.at)
}

/// Keeps asking for the first half of the rest, waste for analyses and all services for other
/// things.
async fn while_open(world: &World, driver: &Driver, report: &mut Report, closes: Instant) {
    report.say("the breaker is open: waste answers by itself, the rest goes on");
    let half = closes.saturating_duration_since(scale::now()) / 2;
    let pace = Duration::from_millis(50);
    let analyses = steadily(pace, half, || analyze(driver, world).of_anyone());
    let mut turn = 0;
    let others = steadily(pace, half, || {
        turn += 1;
        other(world, driver, turn)
    });
    let (analyses, others) = tokio::join!(analyses, others);

    // Only an answer that was there in time is certainly one of the open breaker.
    let in_time = |answer: &&Answer| answer.asked + answer.took < closes;
    let asked = analyses.iter().filter(in_time).count();
    let refused = |answer: &&Answer| answer.is(StatusCode::SERVICE_UNAVAILABLE);
    let refused = analyses.iter().filter(in_time).filter(refused).count();
    let well = others.iter().filter(|answer| answer.is_ok()).count();
    if let Some(answer) = analyses.first() {
        report.say(format_args!(
            "{refused} of {asked} analyses: {}; {well} of {} others: 200 OK",
            answer.words(),
            others.len(),
        ));
    }
    report.equal("analyses answered 503 meanwhile", asked, refused);
    report.equal(
        "answers of the other services meanwhile",
        others.len(),
        well,
    );
    world.roboflow.script().heal();
    report.say("Roboflow works again; the breaker is not notified");
}

/// One of the things that have nothing to do with Roboflow, a different one each turn.
fn other(world: &World, driver: &Driver, turn: usize) -> crate::driver::Call {
    match turn % 5 {
        0 => driver
            .get(&format!("{}/api/v1/auth/me", world.auth.url()))
            .header("authorization", "Bearer token-of-mina"),
        1 => driver.get(&format!("{}/api/v1/users/mina", world.users.url())),
        2 => driver.get(&format!("{}/api/v1/waste/results/1", world.waste.url())),
        3 => result(driver, world, 1),
        _ => near(driver, world),
    }
}

/// Goes on asking, a slice of the time at once, until all of a slice gets through.
async fn recover(world: &World, driver: &Driver, report: &mut Report) {
    report.say("the rest is over: what Roboflow gets of what is asked");
    let slice = world.settings.scale.seconds(SLICE);
    let pace = Duration::from_millis(20);
    let roboflow = world.roboflow.recorder();
    let mut last = 0;
    // As in Envoy, an ejection ends when the next interval does, which is 30 s as well. On a slow machine it
    // may take longer, but not for ever.
    for until in (SLICE..=20 * SLICE).step_by(SLICE as usize) {
        let before = roboflow.count();
        let asked = steadily(pace, slice, || analyze(driver, world).of_anyone()).await;
        let reached = roboflow.count() - before;
        let label = format_args!("{} to {until} s", until - SLICE);
        report.bar(label, reached, asked.len());
        last = percent(reached, asked.len());
        if last == 100 {
            break;
        }
    }
    report.equal("share let through in the last slice, %", 100, last);

    let calls = (0..20).map(|_| analyze(driver, world).of_anyone());
    let before = roboflow.count();
    let answers = all(calls, 4).await;
    let well = answers.iter().filter(|answer| answer.is_ok()).count();
    report.equal(
        "in the end, of 20 analyses, reach Roboflow",
        20,
        roboflow.count() - before,
    );
    report.equal("in the end, of 20 analyses, answered 200", 20, well);
}
