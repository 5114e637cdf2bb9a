//! Results of waste are read by everyone and confirmed by admins alone: a document that is added says so, and waste
//! enforces it itself.

use http::StatusCode;
use serde_json::json;

use crate::Result;
use crate::driver::{Call, Driver};
use crate::report::Report;
use crate::world::World;

const NAME: &str = "who-may-read.yaml";
const DOCUMENT: &str = include_str!("who-may-read.yaml");

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    let url = format!("{}/api/v1/waste/results", world.waste.url());
    let confirm = || driver.post(&format!("{url}/1/confirm"), &json!({}));
    let read = |id: &str| driver.get(&format!("{url}/{id}"));
    let first = confirm().send().await;
    report.equal(
        "a confirmation at first",
        StatusCode::NO_CONTENT,
        first.status(),
    );

    report.say("only admins confirm results, and nobody reads private ones, says a document");
    world.policies.write(NAME, DOCUMENT).await?;
    let before = world.waste.admitted().count();
    for (what, call, expected) in [
        ("a read", read("1"), StatusCode::OK),
        ("a confirmation", confirm(), StatusCode::FORBIDDEN),
        (
            "a confirmation by an admin",
            admin(confirm()),
            StatusCode::NO_CONTENT,
        ),
        ("a private result", read("private"), StatusCode::FORBIDDEN),
        (
            "the same, written otherwise",
            read("%70rivate"),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let answer = call.send().await;
        report.equal(what, expected, answer.status());
    }
    let admitted = world.waste.admitted().count() - before;
    report.equal("requests that reached the handlers", 2, admitted);

    world.policies.remove(NAME).await?;
    let last = confirm().send().await;
    report.equal(
        "a confirmation after that",
        StatusCode::NO_CONTENT,
        last.status(),
    );
    Ok(())
}

fn admin(call: Call) -> Call {
    call.header("x-role", "admin")
}
