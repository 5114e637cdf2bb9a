//! One trace from the user through waste to users, and how long each hop took.

use std::collections::BTreeSet;
use std::time::Duration;

use super::analyze;
use crate::Result;
use crate::driver::Driver;
use crate::recorder::Arrival;
use crate::report::Report;
use crate::scale;
use crate::stand_ins::Fault;
use crate::world::World;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let slow = Duration::from_millis(120);
    world.roboflow.script().then(Fault::Delay(slow));
    report.say(format_args!(
        "a user sends a picture, as part of trace {TRACE}"
    ));
    let started = scale::now();
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let call = analyze(&driver, world).of_anyone();
    let answer = call.header("traceparent", traceparent).send().await;

    let hops = hops(world);
    report.say(format_args!(
        "{:<14}{:>9}  {:<8}  trace",
        "hop", "took", "parent"
    ));
    report.say(format_args!(
        "{:<14}{:>6.1} ms",
        "user",
        answer.took.as_secs_f64() * 1e3
    ));
    for (name, hop) in &hops {
        let from = (hop.at - started).as_secs_f64() * 1e3;
        let took = hop.left.map_or(Duration::ZERO, |left| left - hop.at);
        let (trace, parent) = context(hop).unwrap_or(("none", "none"));
        report.say(format_args!(
            "{name:<14}{:>6.1} ms  {parent:.8}  {trace}  (from {from:.1} ms)",
            took.as_secs_f64() * 1e3
        ));
    }
    let same = hops
        .iter()
        .filter(|(_, hop)| trace_of(hop) == Some(TRACE))
        .count();
    report.equal("hops that carry the user's trace id", 3, same);
    let of_waste = |(name, hop): &&(&str, Arrival)| {
        *name != "waste" && context(hop).is_some_and(|(_, parent)| parent != SPAN)
    };
    let of_waste = hops.iter().filter(of_waste).count();
    report.equal("hops whose parent is a span of waste", 2, of_waste);

    report.say("another user sends a picture, with no trace");
    analyze(&driver, world).of_anyone().send().await;
    let hops = self::hops(world);
    let behind = hops.iter().filter(|(name, _)| *name != "waste");
    let begun: BTreeSet<_> = behind.map(|(_, hop)| trace_of(hop)).collect();
    let one = matches!(begun.first(), Some(Some(trace)) if begun.len() == 1 && *trace != TRACE);
    if let Some(Some(trace)) = begun.first() {
        report.say(format_args!("waste began trace {trace}"));
    }
    report.check(
        "one new trace for users and Roboflow",
        "yes",
        if one { "yes" } else { "no" },
        one,
    );
    Ok(())
}

/// The last request at each hop, in the order in which they are reached.
fn hops(world: &World) -> Vec<(&'static str, Arrival)> {
    let servers = [
        ("waste", world.waste.recorder().arrivals()),
        ("  users", world.users.arrivals()),
        ("  roboflow", world.roboflow.recorder().arrivals()),
    ];
    let last = |(name, mut arrivals): (_, Vec<Arrival>)| Some((name, arrivals.pop()?));
    servers.into_iter().filter_map(last).collect()
}

/// Returns the trace's id and the parent's, from `traceparent`.
fn context(hop: &Arrival) -> Option<(&str, &str)> {
    let mut parts = hop.header("traceparent")?.split('-').skip(1);
    Some((parts.next()?, parts.next()?))
}

fn trace_of(hop: &Arrival) -> Option<&str> {
    context(hop).map(|(trace, _)| trace)
}
