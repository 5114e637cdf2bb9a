//! The refresh task of one name.

use std::net::SocketAddr;
use std::sync::Arc;

use super::dns_task::EndpointAggregator;
use super::lookup::LookupResult;
use super::lookup::asking::addresses;
use super::lookup::targets::targets;
use super::machine::{Answers, KnownRecords, Refresh, RefreshOutcome, Target};
use super::{DnsName, Resolver};
use crate::foundation::endpoints::Endpoint;
use crate::foundation::events::EventKind;
use crate::foundation::outcome::DnsFailure;
use crate::foundation::time::clock;

/// Published state of a name.
struct Published {
    index: usize,
    is_answered: bool,
    last: Option<Vec<(SocketAddr, u32)>>,
    name: DnsName,
    together: Arc<EndpointAggregator>,
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
            .update(self.index, endpoints.map(endpoint).collect());
        self.last = Some(addresses);
    }

    fn answered(&mut self) {
        if !std::mem::replace(&mut self.is_answered, true) {
            self.together.resolved();
        }
    }
}

/// Resolves a name and repeats it at each refresh time.
pub(super) async fn refresh_loop(
    resolver: Resolver,
    name: DnsName,
    index: usize,
    aggregator: Arc<EndpointAggregator>,
) {
    let mut known = KnownRecords::default();
    let mut refresh = Refresh::default();
    let mut last: Option<RefreshOutcome> = None;
    let mut published = Published {
        index,
        is_answered: false,
        last: None,
        name: name.clone(),
        together: aggregator,
    };
    loop {
        let before = known.addresses();
        let outcome = resolve(&resolver, &name, &mut known, &mut published).await;
        try_families(&resolver, &mut known).await;
        let now = known.addresses();
        let (changed, endpoints) = (now != before, now.len());
        published.put(now);
        let was_found = matches!(last, Some(RefreshOutcome::Found(_)));
        last = Some(outcome);
        let unresolved = match outcome {
            RefreshOutcome::Failed(reason) => Some(reason),
            RefreshOutcome::Found(_) => None,
            RefreshOutcome::Nothing => Some(DnsFailure::NotFound),
        };
        published.together.note(index, unresolved);
        if !matches!(outcome, RefreshOutcome::Failed(_)) {
            published.answered();
        }
        let text = name.name().into();
        match unresolved {
            Some(reason) => resolver
                .emitter
                .emit(&EventKind::NameUnresolved { name: text, reason }),
            None if changed || !was_found => {
                let name = text;
                resolver
                    .emitter
                    .emit(&EventKind::NameResolved { endpoints, name });
            }
            None => {}
        }
        let wait = refresh.wait(outcome, &resolver.policy, resolver.rng.next_u64());
        tokio::time::sleep(wait).await;
    }
}

/// Asks for a name once.
async fn resolve(
    resolver: &Resolver,
    name: &DnsName,
    known: &mut KnownRecords,
    published: &mut Published,
) -> RefreshOutcome {
    if let Some(port) = name.port() {
        let target = Target {
            host: name.name().to_owned(),
            port,
            weight: 1,
        };
        return one(resolver, vec![target], known, published).await;
    }
    match resolver.lookup.services(name.name()).await {
        LookupResult::Failed(reason) => RefreshOutcome::Failed(reason),
        LookupResult::Nothing => {
            known.clear();
            RefreshOutcome::Nothing
        }
        LookupResult::Found { records, ttl } => {
            let mut outcome = RefreshOutcome::Nothing;
            for targets in targets(records) {
                let mut next = known.clone();
                outcome = one(resolver, targets, &mut next, published).await;
                // Of hosts with no address the next ones are there in their place.
                if !matches!(outcome, RefreshOutcome::Nothing) {
                    *known = next;
                    break;
                }
            }
            match outcome {
                RefreshOutcome::Found(least) => RefreshOutcome::Found(least.min(ttl)),
                RefreshOutcome::Nothing => {
                    known.clear();
                    RefreshOutcome::Nothing
                }
                outcome @ RefreshOutcome::Failed(_) => outcome,
            }
        }
    }
}

/// Asks for the addresses of some hosts, and serves with what is there first.
async fn one(
    resolver: &Resolver,
    targets: Vec<Target>,
    known: &mut KnownRecords,
    published: &mut Published,
) -> RefreshOutcome {
    let first = |answers: Vec<(Target, Answers)>| {
        let mut early = known.clone();
        if let RefreshOutcome::Found(_) = early.update(answers) {
            published.put(early.addresses());
            published.answered();
        }
    };
    let answers = addresses(resolver, targets, first).await;
    let failed = RefreshOutcome::Failed(DnsFailure::ServerFailure);
    answers.map_or(failed, |answers| known.update(answers))
}

/// Finds out which family of addresses works, of hosts that have both.
async fn try_families(resolver: &Resolver, known: &mut KnownRecords) {
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
