//! 10 analyses a minute for each caller.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use tokio::time::sleep;

use super::analyze;
use crate::Result;
use crate::driver::{Answer, Call, Driver, all};
use crate::report::Report;
use crate::world::World;

const LIMIT: usize = 10;
const ASKED: usize = 15;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let scale = world.settings.scale;
    let gateway = Driver::new(scale)?;
    report.say(format_args!(
        "users come through the gateway, which waste trusts to say where they are"
    ));
    let what = "user behind the gateway: of 15, analysed";
    let honest = |_| analyze(&gateway, world).header("x-forwarded-for", "203.0.113.7");
    ask(world, report, what, LIMIT, honest).await;
    let what = "the same, with a made-up address before it";
    let spoofed = |n| {
        let chain = format!("198.51.100.{n}, 203.0.113.7");
        analyze(&gateway, world).header("x-forwarded-for", chain)
    };
    ask(world, report, what, 0, spoofed).await;
    let what = "another user behind the gateway: of 15";
    let other = |_| analyze(&gateway, world).header("x-forwarded-for", "203.0.113.8");
    ask(world, report, what, LIMIT, other).await;

    let [first, second] = [2, 3].map(|n| IpAddr::V4(Ipv4Addr::new(127, 0, 0, n)));
    if ![first, second].into_iter().all(is_ours) {
        report.say("this machine has no 127.0.0.2: callers past the gateway are left out");
        return Ok(());
    }
    report.say("others come past the gateway: waste does not believe what they say");
    let driver = Driver::from(first, scale)?;
    let plain = |_| analyze(&driver, world);
    ask(world, report, "127.0.0.2: of 15, analysed", LIMIT, plain).await;
    let spoofed = |n| analyze(&driver, world).header("x-forwarded-for", format!("192.0.2.{n}"));
    let what = "127.0.0.2 with a made-up address each: of 15";
    ask(world, report, what, 0, spoofed).await;
    let driver_2 = Driver::from(second, scale)?;
    let other = |_| analyze(&driver_2, world);
    ask(world, report, "127.0.0.3: of 15, analysed", LIMIT, other).await;

    report.say("a minute passes");
    sleep(scale.minute()).await;
    ask(
        world,
        report,
        "127.0.0.2 a minute later: of 15",
        LIMIT,
        plain,
    )
    .await;
    Ok(())
}

/// Asks 15 times; checks how often Roboflow was asked for it.
async fn ask(
    world: &World,
    report: &mut Report,
    what: &str,
    expected: usize,
    call: impl Fn(usize) -> Call,
) {
    let roboflow = world.roboflow.recorder();
    let before = roboflow.count();
    let answers = all((1..=ASKED).map(call), 1).await;
    let reached = roboflow.count() - before;
    let last = answers.last().map_or_else(String::new, Answer::words);
    report.say(format_args!("{what}: {reached}; the last answer is {last}"));
    report.equal(what, expected, reached);
}

/// Says that this machine has the address: all of 127.0.0.0/8 on Linux, only the first elsewhere.
fn is_ours(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}
