//! One of three endpoints of users fails: callers do not notice, it is left alone for 30 s, and comes
//! back gradually.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::sleep_until;

use super::near;
use crate::Result;
use crate::driver::{Answer, Driver, all, within};
use crate::recorder::Recorder;
use crate::report::{Report, percent};
use crate::scale;
use crate::services::{EJECTED_SECONDS, RAMP_SECONDS};
use crate::stand_ins::Fault;
use crate::world::World;

/// By chance an endpoint of three gets fewer than 5 of so many once in a million times.
const LOOKUPS: usize = 60;
const FAILURES: usize = 5;

/// How long a slice of the recovery is, in seconds of production.
const SLICE: u32 = 6;

const PACE: Duration = Duration::from_millis(5);
const WIDTH: usize = 4;

/// The caller's side: how many asked, and how many were answered well.
#[derive(Default)]
struct Callers {
    asked: usize,
    well: usize,
}

impl Callers {
    fn record(&mut self, answers: &[Answer]) {
        self.asked += answers.len();
        self.well += answers.iter().filter(|answer| answer.is_ok()).count();
    }
}

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let mut callers = Callers::default();
    let bad = &world.users.endpoints[2];
    let rest = world.settings.scale.seconds(EJECTED_SECONDS);

    report.say("users ask locations, which looks them up at one of the endpoints of users");
    let answers = all((0..LOOKUPS).map(|_| near(&driver, world)), 1).await;
    callers.record(&answers);
    let each = world.users.endpoints.iter();
    let each: Vec<_> = each.map(|one| one.recorder().count().to_string()).collect();
    report.say(format_args!("of {LOOKUPS} they get {}", each.join(", ")));

    let ejected = fail(world, &driver, report, &mut callers).await;
    let back = ejected + rest;
    report.say("it is ejected: the other two carry on");
    let half = back.saturating_duration_since(scale::now()) / 2;
    callers.record(&within(PACE, half, WIDTH, || near(&driver, world)).await);
    bad.script().heal();
    report.say("it works again; locations is not notified");
    sleep_until(back.into()).await;
    let early = bad.recorder();
    let early = early.count_of(|call| call.at > ejected && call.at < back);
    report.equal("lookups that reach it in these 30 s", 0, early);

    recover(world, &driver, report, &mut callers).await;
    report.say(format_args!(
        "{} of {} users were answered 200 all the while",
        callers.well, callers.asked
    ));
    report.equal("users that noticed", 0, callers.asked - callers.well);
    Ok(())
}

/// Lets one endpoint fail, and returns when it got the last of the calls that eject it.
async fn fail(
    world: &World,
    driver: &Driver,
    report: &mut Report,
    callers: &mut Callers,
) -> Instant {
    let bad = &world.users.endpoints[2];
    let before = bad.recorder().count();
    report.say("the third begins to answer 503; a lookup is tried again at another one");
    bad.script()
        .always(Fault::Status(StatusCode::SERVICE_UNAVAILABLE));
    callers.record(&all((0..LOOKUPS).map(|_| near(driver, world)), 1).await);
    let failed = bad.recorder().arrivals().split_off(before);
    report.say(format_args!(
        "of {LOOKUPS} lookups it gets {}, and fails",
        failed.len()
    ));
    report.equal(
        "lookups it fails until it is ejected",
        FAILURES,
        failed.len(),
    );
    let last = failed.get(FAILURES - 1).or_else(|| failed.last());
    last.map_or_else(scale::now, |call| call.at)
}

/// Goes on asking until the endpoint that is back gets its share.
async fn recover(world: &World, driver: &Driver, report: &mut Report, callers: &mut Callers) {
    report.say("the time is over: what it gets of the lookups");
    let slice = world.settings.scale.seconds(SLICE);
    let [one, two, back] = [0, 1, 2].map(|n| world.users.endpoints[n].recorder());
    let total = || [one, two, back].map(Recorder::count).iter().sum::<usize>();
    let mut shares = Vec::new();
    // The ejection ends at the next sweep, which is 10 s later at the most.
    for until in (SLICE..=RAMP_SECONDS + 18).step_by(SLICE as usize) {
        let before = (back.count(), total());
        callers.record(&within(PACE, slice, WIDTH, || near(driver, world)).await);
        let (got, of) = (back.count() - before.0, total() - before.1);
        report.bar(format_args!("{} to {until} s", until - SLICE), got, of);
        shares.push(percent(got, of));
    }
    let first = shares.into_iter().find(|share| *share > 0).unwrap_or(0);
    report.check(
        "its share when it is back, at first",
        "1 to 25 %",
        format_args!("{first} %"),
        (1..=25).contains(&first),
    );

    // A third, give or take 4.5 standard deviations.
    let before = (back.count(), total());
    callers.record(&all((0..300).map(|_| near(driver, world)), WIDTH).await);
    let last = percent(back.count() - before.0, total() - before.1);
    report.check(
        "its share in the end",
        "21 to 46 %",
        format_args!("{last} %"),
        (21..=46).contains(&last),
    );
}
