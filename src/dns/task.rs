//! What the task of one name does.

use std::net::SocketAddr;
use std::sync::Arc;

use super::asking::addresses;
use super::following::Together;
use super::lookup::Answer;
use super::machine::{Answers, Known, Outcome, Refresh, Target};
use super::targets::targets;
use super::{DnsName, Resolver};
use crate::base::{Endpoint, Event, Unresolved, clock};

/// What others see of a name.
struct Published {
    index: usize,
    is_answered: bool,
    last: Option<Vec<(SocketAddr, u32)>>,
    name: DnsName,
    together: Arc<Together>,
}

impl Published {
    /// Makes these addresses the ones that the name stands for.
    fn put(&mut self, addresses: Vec<(SocketAddr, u32)>) {
        if self.last.as_ref() == Some(&addresses) {
            return;
        }
        let endpoints = addresses.iter();
        let endpoint =
            |(address, weight): &_| -> Endpoint { self.name.endpoint(*address, *weight) };
        self.together
            .put(self.index, endpoints.map(endpoint).collect());
        self.last = Some(addresses);
    }

    fn answered(&mut self) {
        if !std::mem::replace(&mut self.is_answered, true) {
            self.together.answered();
        }
    }
}

/// Asks for a name, again and again.
pub(super) async fn keep(resolver: Resolver, name: DnsName, index: usize, together: Arc<Together>) {
    let mut known = Known::default();
    let mut refresh = Refresh::default();
    let mut last: Option<Outcome> = None;
    let mut published = Published {
        index,
        is_answered: false,
        last: None,
        name: name.clone(),
        together,
    };
    loop {
        let before = known.addresses();
        let outcome = resolve(&resolver, &name, &mut known, &mut published).await;
        try_families(&resolver, &mut known).await;
        let now = known.addresses();
        let (changed, endpoints) = (now != before, now.len());
        published.put(now);
        let was_found = matches!(last, Some(Outcome::Found(_)));
        last = Some(outcome);
        let unresolved = match outcome {
            Outcome::Failed(why) => Some(why),
            Outcome::Found(_) => None,
            Outcome::Nothing => Some(Unresolved::NotFound),
        };
        published.together.note(index, unresolved);
        if !matches!(outcome, Outcome::Failed(_)) {
            published.answered();
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
async fn resolve(
    resolver: &Resolver,
    name: &DnsName,
    known: &mut Known,
    published: &mut Published,
) -> Outcome {
    if let Some(port) = name.port() {
        let target = Target {
            host: name.name().to_owned(),
            port,
            weight: 1,
        };
        return one(resolver, vec![target], known, published).await;
    }
    match resolver.lookup.services(name.name()).await {
        Answer::Failed(why) => Outcome::Failed(why),
        Answer::Nothing => {
            known.clear();
            Outcome::Nothing
        }
        Answer::Found { records, ttl } => {
            let mut outcome = Outcome::Nothing;
            for targets in targets(records) {
                let mut next = known.clone();
                outcome = one(resolver, targets, &mut next, published).await;
                // Of hosts with no address the next ones are there in their place.
                if !matches!(outcome, Outcome::Nothing) {
                    *known = next;
                    break;
                }
            }
            match outcome {
                Outcome::Found(least) => Outcome::Found(least.min(ttl)),
                Outcome::Nothing => {
                    known.clear();
                    Outcome::Nothing
                }
                outcome @ Outcome::Failed(_) => outcome,
            }
        }
    }
}

/// Asks for the addresses of some hosts, and serves with what is there first.
async fn one(
    resolver: &Resolver,
    targets: Vec<Target>,
    known: &mut Known,
    published: &mut Published,
) -> Outcome {
    let first = |answers: Vec<(Target, Answers)>| {
        let mut early = known.clone();
        if let Outcome::Found(_) = early.take_in(answers) {
            published.put(early.addresses());
            published.answered();
        }
    };
    let answers = addresses(resolver, targets, first).await;
    let failed = Outcome::Failed(Unresolved::ServerFailure);
    answers.map_or(failed, |answers| known.take_in(answers))
}

/// Finds out which family of addresses works, of hosts that have both.
async fn try_families(resolver: &Resolver, known: &mut Known) {
    if !resolver.policy.working_family() {
        return;
    }
    let untried = known.untried(clock::now());
    if untried.is_empty() {
        return;
    }
    let mut found = Vec::with_capacity(untried.len());
    for families in untried {
        let works = resolver.lookup.working(families.clone()).await;
        found.push((families, works));
    }
    known.note(clock::now(), found);
}
