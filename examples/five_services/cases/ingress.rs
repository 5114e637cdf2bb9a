//! Users come in through the gateway of the review: its route tries again when a pod of waste is gone, and
//! waits for none longer than 2 s.

use std::time::Duration;

use http::StatusCode;
use tokio::net::TcpSocket;

use crate::Result;
use crate::driver::{Answer, Call, Driver, all};
use crate::report::Report;
use crate::stand_ins::Fault;
use crate::world::World;

const HOST: &str = "api.yourdomain.com";
const READS: usize = 60;

/// `perTryTimeout` of the gateway's route, which is not shortened: a machine is no faster here.
const TRY: Duration = Duration::from_secs(2);

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let reached = || world.waste.recorder().count() + world.waste_v2.recorder().count();
    // The socket is bound and never listens: no other process can take the port.
    let gone = TcpSocket::new_v4()?;
    gone.bind(([127, 0, 0, 1], 0).into())?;
    world.policies.announce(gone.local_addr()?.port()).await?;
    report
        .say("where-services-listen.yaml has one endpoint of waste more, where no process listens");
    let reads = (0..READS).map(|id| ask(world, &driver, HOST, &result(id)));
    let answers = all(reads, 4).await;
    let well = answers.iter().filter(|answer| answer.is_ok()).count();
    report.say(format_args!(
        "{well} of {READS} users who read results through the ingress: 200 OK"
    ));
    report.equal("users who noticed that a pod is gone", 0, READS - well);
    report.equal("of their reads, answered by waste", READS, reached());

    let before = reached();
    for (what, host, path) in [
        ("another host", "elsewhere.com", result(1)),
        ("another path", HOST, "/api/v1/users/mina".to_owned()),
    ] {
        let answer = ask(world, &driver, host, &path).send().await;
        report.say(format_args!("{what}: {}", answer.words()));
        report.equal(
            format!("{what} at the ingress"),
            "404".to_owned(),
            code(&answer),
        );
    }
    report.equal("of these, seen by waste", 0, reached() - before);

    report.say("waste takes every request and answers none");
    for waste in [&world.waste, &world.waste_v2] {
        waste.script().always(Fault::Hang);
    }
    let answer = ask(world, &driver, HOST, &result(1)).send().await;
    report.say(format_args!(
        "one user asks: {} after {:.1?}",
        answer.words(),
        answer.took
    ));
    report.equal(
        "the answer when waste hangs",
        StatusCode::GATEWAY_TIMEOUT.as_str().to_owned(),
        code(&answer),
    );
    report.check(
        "it takes, by the route's 2 s for a try",
        format!(">= {TRY:.1?}"),
        format!("{:.1?}", answer.took),
        answer.took >= TRY && answer.status.is_some(),
    );
    Ok(())
}

fn ask(world: &World, driver: &Driver, host: &str, path: &str) -> Call {
    let url = format!("{}{path}", world.ingress.url());
    driver.get(&url).header("host", host)
}

fn result(id: usize) -> String {
    format!("/api/v1/waste/results/{id}")
}

fn code(answer: &Answer) -> String {
    answer
        .status
        .map_or_else(|| "none".to_owned(), |status| status.as_str().to_owned())
}
