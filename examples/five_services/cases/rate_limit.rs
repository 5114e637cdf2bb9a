//! 20 calls a minute to OpenAI, retries included.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;

use crate::Result;
use crate::driver::{Driver, steadily};
use crate::recorder::{Arrival, Recorder, most_within};
use crate::report::Report;
use crate::stand_ins::Fault;
use crate::world::World;

const LIMIT: usize = 20;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let minute = world.settings.scale.minute();
    world.openai.script().cycle(faults());
    report.say("60 questions a minute for two minutes and a quarter; OpenAI fails now and then");

    let url = format!("{}/api/v1/recycling/advice", world.recycling.url());
    let ask = || driver.post(&url, &json!({ "result": 1 }));
    let openai = world.openai.recorder();
    let answers = steadily(minute / 60, minute * 9 / 4, ask);
    let (answers, ()) = tokio::join!(answers, report_quarters(openai, minute / 4, report));

    let calls = openai.arrivals();
    let trip = slowest_trip(&calls);
    let window = minute.saturating_sub(trip);
    report.say(format_args!(
        "a call took up to {:.1} ms to arrive, so arrivals are counted in windows of {:.3} s",
        trip.as_secs_f64() * 1e3,
        window.as_secs_f64(),
    ));
    let times: Vec<Instant> = calls.iter().map(|call| call.at).collect();
    let most = most_within(&times, window);
    let holds = most <= LIMIT;
    report.check(
        "calls to OpenAI in any minute, at the most",
        "<= 20",
        most,
        holds,
    );
    let enough = calls.len() >= 2 * LIMIT;
    report.check("calls to OpenAI in all", ">= 40", calls.len(), enough);
    let retries = openai.count_of(is_retry);
    report.check("retries among them", ">= 1", retries, retries > 0);

    let refused = answers
        .iter()
        .filter(|a| a.is(StatusCode::TOO_MANY_REQUESTS));
    let with_header = refused
        .clone()
        .filter(|a| a.retry_after() >= Some(1))
        .count();
    let refused = refused.count();
    report.say(format_args!(
        "of {} questions {refused} were answered 429, at once",
        answers.len()
    ));
    report.check("questions refused with 429", ">= 1", refused, refused > 0);
    report.equal("of these with Retry-After", refused, with_header);
    Ok(())
}

/// Reports the calls of OpenAI for each quarter of a minute.
async fn report_quarters(openai: &Recorder, quarter: Duration, report: &Report) {
    let mut ticks = tokio::time::interval(quarter);
    ticks.tick().await;
    let (mut calls, mut retries) = (0, 0);
    for number in 1..=9 {
        ticks.tick().await;
        let (calls_now, retries_now) = (openai.count(), openai.count_of(is_retry));
        report.say(format_args!(
            "quarter {number}: {:>2} calls reach OpenAI, {} of them retries",
            calls_now - calls,
            retries_now - retries,
        ));
        (calls, retries) = (calls_now, retries_now);
    }
}

/// One call in five fails, each time otherwise.
fn faults() -> Vec<Option<Fault>> {
    let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
    let mut cycle = Vec::new();
    for fault in [unavailable, Fault::Reset, Fault::TooMany(1)] {
        cycle.extend([None, None, Some(fault), None, None]);
    }
    cycle
}

fn is_retry(call: &Arrival) -> bool {
    call.header("x-envoy-attempt-count")
        .is_some_and(|count| count != "1")
}

/// How long a call was on its way, at the most, from just before the limit to its arrival.
///
/// The limit counts when calls leave. One that left early and came late may arrive less than a
/// minute before the 21st, by this much and no more.
fn slowest_trip(calls: &[Arrival]) -> Duration {
    calls
        .iter()
        .filter_map(Arrival::trip)
        .max()
        .unwrap_or_default()
}
