//! Asks for the addresses of hosts.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Family, Lookup, LookupResult};
use crate::foundation::outcome::DnsFailure;
use crate::transport::dns::Resolver;
use crate::transport::dns::machine::{Answers, Target};
use crate::transport::dns::policy::Families;

/// Hosts of one service that are asked for at the same time.
const AT_ONCE: usize = 16;
/// Time that the addresses of one family wait for those of the other: RFC 8305's resolution delay.
const DELAY: Duration = Duration::from_millis(50);

/// Asks for the addresses of hosts, several at a time; none if that came to grief. If a family of some host
/// is late, `first` hears what is known without it.
pub(in crate::transport::dns) async fn addresses(
    resolver: &Resolver,
    targets: Vec<Target>,
    first: impl FnOnce(Vec<(Target, Answers)>),
) -> Option<Vec<(Target, Answers)>> {
    let families = resolver.policy.families();
    // Each says at most two things.
    let (say, mut heard) = mpsc::channel(2 * targets.len().max(1));
    let mut answers: Vec<Option<Answers>> = vec![None; targets.len()];
    let (mut first, mut missing, mut next) = (Some(first), targets.len(), 0);
    let mut asking = JoinSet::new();
    while missing > 0 {
        while asking.len() < AT_ONCE
            && let Some(target) = targets.get(next)
        {
            let (lookup, say) = (Arc::clone(&resolver.lookup), say.clone());
            let (host, index) = (target.host.clone(), next);
            asking.spawn(async move {
                let early = |answers| {
                    let _ = say.try_send((index, answers));
                };
                let answers = both(&*lookup, &host, families, early).await;
                (index, answers)
            });
            next += 1;
        }
        tokio::select! {
            Some((index, early)) = heard.recv() => {
                answers[index].get_or_insert(early);
            }
            whole = asking.join_next() => match whole {
                Some(Ok((index, whole))) => {
                    answers[index] = Some(whole);
                    missing -= 1;
                }
                // It panicked, or the runtime is going: neither says anything about the host.
                _ => return None,
            },
        }
        if missing > 0
            && answers.iter().all(Option::is_some)
            && let Some(first) = first.take()
        {
            let early = answers.iter().flatten().cloned();
            first(targets.iter().cloned().zip(early).collect());
        }
    }
    Some(
        targets
            .into_iter()
            .zip(answers.into_iter().flatten())
            .collect(),
    )
}

/// Asks for both families; `early` hears of one if the other is late.
async fn both(
    lookup: &dyn Lookup,
    host: &str,
    families: Families,
    early: impl FnOnce(Answers),
) -> Answers {
    let ask = async |wanted: bool, family| -> LookupResult<IpAddr> {
        if wanted {
            lookup.addresses(host, family).await
        } else {
            LookupResult::Nothing
        }
    };
    let late = LookupResult::Failed(DnsFailure::TimedOut);
    let mut v4 = pin!(ask(families.v4, Family::V4));
    let mut v6 = pin!(ask(families.v6, Family::V6));
    tokio::select! {
        biased;
        found = &mut v4 => {
            if !matches!(found, LookupResult::Found { .. }) {
                return [found, v6.await];
            }
            if let Ok(other) = timeout(DELAY, &mut v6).await {
                return [found, other];
            }
            early([found.clone(), late]);
            [found, v6.await]
        }
        found = &mut v6 => {
            if !matches!(found, LookupResult::Found { .. }) {
                return [v4.await, found];
            }
            if let Ok(other) = timeout(DELAY, &mut v4).await {
                return [other, found];
            }
            early([late, found.clone()]);
            [v4.await, found]
        }
    }
}
