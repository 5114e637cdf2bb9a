//! users loses answers: a lookup is asked again, points are not given twice.

use http::{Method, StatusCode};
use serde_json::json;

use super::near;
use crate::Result;
use crate::driver::{Driver, all};
use crate::report::Report;
use crate::stand_ins::Fault;
use crate::world::World;

const LOOKUPS: usize = 96;
const AWARDS: usize = 24;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let asked = |method| world.users.count_of(|call| call.method == method);
    let lost = Some(Fault::Status(StatusCode::SERVICE_UNAVAILABLE));

    report.say("one in 12 answers of users is lost: it does what it is asked, and answers 503");
    let mut cycle = vec![None; 12];
    cycle[5] = lost;
    world.users.script.cycle(cycle);
    let answers = all((0..LOOKUPS).map(|_| near(&driver, world)), 1).await;
    let well = answers.iter().filter(|answer| answer.is_ok()).count();
    let gets = asked(Method::GET);
    report.say(format_args!(
        "{LOOKUPS} users ask locations, which looks them up: {well} x 200 OK; users was asked {gets} times"
    ));
    report.equal("lookups that worked", LOOKUPS, well);
    let holds = gets > LOOKUPS;
    report.check(
        "GETs that reached users for 96 lookups",
        "> 96",
        gets,
        holds,
    );

    report.say("one in 3 answers is lost, and 24 users confirm a result, for 10 points each");
    world.users.script.cycle(vec![None, lost, None]);
    let url = format!("{}/api/v1/waste/results/1/confirm", world.waste.url());
    let answers = all((0..AWARDS).map(|_| driver.post(&url, &json!({}))), 1).await;
    let failed = answers
        .iter()
        .filter(|a| a.is(StatusCode::BAD_GATEWAY))
        .count();
    let posts = asked(Method::POST);
    report.say(format_args!(
        "{posts} POSTs reached users; {failed} users got an error instead of the lost answer"
    ));
    report.equal("POSTs that reached users for 24 awards", AWARDS, posts);
    report.equal("awards whose answer was lost (502)", AWARDS / 3, failed);

    world.users.script.heal();
    let mina = driver.get(&format!("{}/api/v1/users/mina", world.users.url()));
    let points = mina.send().await.body["points"]
        .as_u64()
        .unwrap_or_default();
    report.equal("points in the end", 10 * AWARDS as u64, points);
    Ok(())
}
