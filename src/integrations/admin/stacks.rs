use std::collections::HashSet;

use crate::mesh::snapshot::{InboundSnapshot, OutboundSnapshot};
use crate::mesh::{Inbound, Outbound, OutboundPerHost};
use crate::policies::circuit_breaker::CircuitBreakerLayer;

/// Maximum number of stacks by hand.
const MAX_STACKS: usize = 256;

/// Stacks by hand, with their names.
#[derive(Debug, Default)]
pub(super) struct Stacks(Vec<(Box<str>, Stack)>);

/// A stack by hand.
#[derive(Debug)]
pub(super) enum Stack {
    Inbound(Inbound),
    Outbound(Outbound),
    PerHost(OutboundPerHost),
}

/// State of a stack, or of one host of it.
pub(super) enum StackState {
    Inbound(InboundSnapshot),
    Outbound(Box<OutboundSnapshot>),
}

impl Stacks {
    pub(super) fn add(&mut self, name: impl Into<Box<str>>, stack: Stack) {
        let name = name.into();
        if self.0.len() < MAX_STACKS {
            self.0.push((name, stack));
        } else {
            tracing::warn!(%name, "the page shows {MAX_STACKS} stacks: this one is left out");
        }
    }

    /// Returns the states, by name and host.
    pub(super) fn states(&self) -> Vec<(&str, Option<String>, StackState)> {
        let states = self.0.iter().flat_map(|(name, stack)| {
            let states: Vec<_> = match stack {
                Stack::Inbound(stack) => vec![(None, StackState::Inbound(stack.snapshot()))],
                Stack::Outbound(stack) => {
                    vec![(None, StackState::Outbound(stack.snapshot().into()))]
                }
                Stack::PerHost(stack) => {
                    let hosts = stack.snapshot().into_iter();
                    hosts
                        .map(|(host, state)| (Some(host), StackState::Outbound(state.into())))
                        .collect()
                }
            };
            let states = states.into_iter();
            states.map(|(host, state)| (&**name, host, state))
        });
        states.collect()
    }

    /// Returns the names by which events know the outbound stacks.
    pub(super) fn clients(&self) -> HashSet<Box<str>> {
        let names = self.0.iter().filter_map(|(given, stack)| match stack {
            Stack::Inbound(_) => None,
            Stack::Outbound(stack) => Some([Some(given.clone()), stack.snapshot().name]),
            Stack::PerHost(stack) => {
                let own = stack.outbound().snapshot().name;
                Some([Some(given.clone()), own])
            }
        });
        names.flatten().flatten().collect()
    }

    /// Returns the circuit breaker of a stack, or of one host of it.
    pub(super) fn circuit_breaker(
        &self,
        name: &str,
        host: Option<&str>,
    ) -> Option<CircuitBreakerLayer> {
        let mut stacks = self.0.iter().filter(|(own, _)| **own == *name);
        stacks.find_map(|(_, stack)| match stack {
            Stack::Inbound(_) => None,
            Stack::Outbound(stack) => Some(stack.circuit_breaker().clone()),
            Stack::PerHost(stack) => {
                let found = stack.host(host?).ok()??;
                Some(found.circuit_breaker().clone())
            }
        })
    }
}
