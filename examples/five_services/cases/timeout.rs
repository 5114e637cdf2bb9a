//! Kakao Map hangs: callers get a timeout in time, and nothing piles up.

use std::time::Duration;

use http::StatusCode;
use tokio::time::sleep;

use super::near;
use crate::Result;
use crate::driver::{Answer, Driver, all};
use crate::recorder::Recorder;
use crate::report::Report;
use crate::scale;
use crate::services::{KAKAO_IN_FLIGHT, KAKAO_SECONDS, ROUTES_IN_FLIGHT};
use crate::stand_ins::Fault;
use crate::world::World;

const CROWD: usize = 60;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let scale = world.settings.scale;
    let driver = Driver::new(scale)?;
    let kakao = world.kakao.recorder();
    world.kakao.script().always(Fault::Hang);
    report.say("Kakao Map takes every call and answers none");

    let limit = scale.seconds(KAKAO_SECONDS);
    let answer = near(&driver, world).send().await;
    report.say(format_args!(
        "one user asks: {} after {:.1?}",
        answer.words(),
        answer.took
    ));
    report.equal("the answer", "504".to_owned(), code(&answer));
    // A timer may be late on a busy machine; it is never early.
    let in_time = answer.took >= limit && answer.status.is_some();
    let expected = format!(">= {limit:.1?}");
    report.check(
        "it takes",
        expected,
        format!("{:.1?}", answer.took),
        in_time,
    );
    check_deadlines(report, kakao, 0, "the call", limit);

    let deadline = scale.seconds(12);
    // A server notices only after a while that its caller is gone, and would count it.
    settled(kakao).await;
    let before = kakao.count();
    report.say(format_args!(
        "{CROWD} users ask at once, and say that they wait for {deadline:.1?}"
    ));
    let millis = deadline.as_millis().to_string();
    let call = |_| near(&driver, world).header("x-envoy-expected-rq-timeout-ms", &millis);
    let answers = all((0..CROWD).map(call), CROWD).await;
    let count = |status| answers.iter().filter(|answer| answer.is(status)).count();
    let late = count(StatusCode::GATEWAY_TIMEOUT);
    let full = count(StatusCode::SERVICE_UNAVAILABLE);
    report.say(format_args!(
        "{late} get 504, {full} get 503 at once, as locations is full"
    ));
    report.equal(
        "answers to 60 at once that are 503 or 504",
        CROWD,
        late + full,
    );
    check_deadlines(report, kakao, before, "the crowd", deadline);

    let (_, most) = world.locations.admitted().in_flight();
    bounded(
        report,
        "requests in locations at once",
        ROUTES_IN_FLIGHT,
        most,
    );
    let (_, most) = kakao.in_flight();
    bounded(report, "calls at Kakao Map at once", KAKAO_IN_FLIGHT, most);
    report.equal("calls at Kakao Map afterwards", 0, settled(kakao).await);

    world.kakao.script().heal();
    let answer = near(&driver, world).send().await;
    report.say(format_args!("Kakao Map works again: {}", answer.words()));
    report.equal(
        "the answer once it works again",
        "200".to_owned(),
        code(&answer),
    );
    Ok(())
}

/// Checks the deadline that each call after the first `skip` carries.
fn check_deadlines(
    report: &mut Report,
    kakao: &Recorder,
    skip: usize,
    whom: &str,
    limit: Duration,
) {
    let calls = kakao.arrivals().into_iter().skip(skip);
    let deadlines: Vec<_> = calls.map(|call| call.deadline()).collect();
    let holds = deadlines
        .iter()
        .all(|deadline| deadline.is_some_and(|left| left <= limit));
    let most = deadlines.iter().max().copied().flatten();
    let observed = most.map_or_else(|| "nothing".to_owned(), |most| format!("{most:.1?}"));
    report.check(
        format!("time left that {whom} gives Kakao Map"),
        format!("<= {limit:.1?}"),
        observed,
        holds && !deadlines.is_empty(),
    );
}

fn bounded(report: &mut Report, what: &str, limit: u32, most: usize) {
    let within = u32::try_from(most).is_ok_and(|most| most <= limit && most > 0);
    report.check(what, format!("<= {limit}"), most, within);
}

/// Waits until the server has noticed that its callers went away; not for ever.
async fn settled(recorder: &Recorder) -> usize {
    let patience = scale::now() + Duration::from_secs(5);
    while recorder.in_flight().0 > 0 && scale::now() < patience {
        sleep(Duration::from_millis(10)).await;
    }
    recorder.in_flight().0
}

fn code(answer: &Answer) -> String {
    answer
        .status
        .map_or_else(|| "none".to_owned(), |status| status.as_str().to_owned())
}
