//! A user with a cookie stays on one version.

use std::collections::BTreeSet;

use super::result;
use crate::Result;
use crate::driver::{Driver, all};
use crate::recorder::Recorder;
use crate::report::Report;
use crate::world::World;

const USERS: usize = 20;
const READS: usize = 10;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    world.policies.give_v2(0).await?;
    report.say(
        "users with a cookie get v1 or v2, half of them each; 20 of them read 10 results each",
    );
    let calls = (0..USERS * READS).map(|n| {
        let cookie = format!("theme=dark; user=user-{}", n % USERS);
        result(&driver, world, n).header("cookie", cookie)
    });
    let answers = all(calls, 8).await;
    let well = answers.iter().filter(|answer| answer.is_ok()).count();

    let one = users_of(world.waste.recorder());
    let two = users_of(world.waste_v2.recorder());
    let both = one.intersection(&two).count();
    report.say(format_args!(
        "v1 saw {} users, v2 saw {}; {both} of them met both",
        one.len(),
        two.len()
    ));
    report.equal("requests answered", USERS * READS, well);
    report.equal("users that met both versions", 0, both);
    let holds = !one.is_empty() && !two.is_empty();
    report.check(
        "users on v2",
        "1 to 19",
        two.len(),
        holds && two.len() < USERS,
    );
    Ok(())
}

/// Returns the users whose cookies a server saw.
fn users_of(recorder: &Recorder) -> BTreeSet<String> {
    let arrivals = recorder.arrivals();
    let cookies = arrivals.iter().filter_map(|call| call.header("cookie"));
    cookies.map(str::to_owned).collect()
}
