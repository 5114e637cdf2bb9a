//! What the task of one name does.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::following::Together;
use super::lookup::{Answer, Family, Lookup};
use super::machine::{Answers, Known, Outcome, Refresh, Target, targets};
use super::policy::Families;
use super::{DnsName, Resolver};
use crate::base::{Endpoint, Event, Unresolved};

/// Hosts of one service that are asked for at the same time.
const AT_ONCE: usize = 16;

/// Asks for a name, again and again.
pub(super) async fn keep(resolver: Resolver, name: DnsName, index: usize, together: Arc<Together>) {
    let mut known = Known::default();
    let mut refresh = Refresh::default();
    let mut answered = false;
    let mut last: Option<Outcome> = None;
    loop {
        let before = known.addresses();
        let outcome = resolve(&resolver, &name, &mut known).await;
        let now = known.addresses();
        let (changed, endpoints) = (now != before, now.len());
        if changed || last.is_none() {
            let endpoint = |(address, weight)| -> Endpoint { name.endpoint(address, weight) };
            together.put(index, now.into_iter().map(endpoint).collect());
        }
        let was_found = matches!(last, Some(Outcome::Found(_)));
        last = Some(outcome);
        let unresolved = match outcome {
            Outcome::Failed(why) => Some(why),
            Outcome::Found(_) => None,
            Outcome::Nothing => Some(Unresolved::NotFound),
        };
        if !answered && !matches!(outcome, Outcome::Failed(_)) {
            answered = true;
            together.answered();
        }
        let text = name.name().into();
        match unresolved {
            Some(why) => resolver
                .observe
                .event(&Event::NameUnresolved { name: text, why }),
            None if changed || !was_found => {
                let name = text;
                resolver
                    .observe
                    .event(&Event::NameResolved { endpoints, name });
            }
            None => {}
        }
        let wait = refresh.wait(outcome, &resolver.policy, resolver.dice.roll());
        tokio::time::sleep(wait).await;
    }
}

/// Asks for a name once.
async fn resolve(resolver: &Resolver, name: &DnsName, known: &mut Known) -> Outcome {
    if let Some(port) = name.port() {
        let target = Target {
            host: name.name().to_owned(),
            port,
            weight: 1,
        };
        return take_in(known, addresses(resolver, vec![target]).await);
    }
    match resolver.lookup.services(name.name()).await {
        Answer::Failed(why) => Outcome::Failed(why),
        Answer::Nothing => {
            known.clear();
            Outcome::Nothing
        }
        Answer::Found { records, ttl } => {
            let answers = addresses(resolver, targets(records)).await;
            match take_in(known, answers) {
                Outcome::Found(least) => Outcome::Found(least.min(ttl)),
                outcome => outcome,
            }
        }
    }
}

fn take_in(known: &mut Known, answers: Option<Vec<(Target, Answers)>>) -> Outcome {
    let failed = Outcome::Failed(Unresolved::ServerFailure);
    answers.map_or(failed, |answers| known.take_in(answers))
}

/// Asks for the addresses of hosts, several at a time; none if that came to grief.
async fn addresses(resolver: &Resolver, targets: Vec<Target>) -> Option<Vec<(Target, Answers)>> {
    let families = resolver.policy.families();
    let mut waiting = targets.into_iter();
    let mut asking = JoinSet::new();
    let mut answers = Vec::with_capacity(waiting.len());
    loop {
        while asking.len() < AT_ONCE
            && let Some(target) = waiting.next()
        {
            let lookup = Arc::clone(&resolver.lookup);
            asking.spawn(async move {
                let answers = both(&*lookup, &target.host, families).await;
                (target, answers)
            });
        }
        match asking.join_next().await {
            Some(Ok(answer)) => answers.push(answer),
            // It panicked, or the runtime is going: neither says anything about the host.
            Some(Err(_)) => return None,
            None => return Some(answers),
        }
    }
}

async fn both(lookup: &dyn Lookup, host: &str, families: Families) -> Answers {
    let ask = async |wanted: bool, family| -> Answer<IpAddr> {
        if wanted {
            lookup.addresses(host, family).await
        } else {
            Answer::Nothing
        }
    };
    let (v4, v6) = tokio::join!(ask(families.v4, Family::V4), ask(families.v6, Family::V6));
    [v4, v6]
}
