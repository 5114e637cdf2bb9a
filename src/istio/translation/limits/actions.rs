use std::borrow::Cow;

use super::action::DescriptorAction;
use crate::foundation::http::RequestHead;
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// One element of a route's `rate_limits`: the actions that produce a descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    actions: Vec<DescriptorAction>,
    pub(super) stage: u32,
}

/// A descriptor entry of the filter: key, and value; without a value, each value has its own
/// bucket.
pub(super) type Wanted = (Box<str>, Option<Box<str>>);

/// Reads `rate_limits`; unsupported actions produce no descriptor and are returned with position
/// and name.
pub(crate) fn read_actions(
    tree: &Tree,
    at: NodeId,
    unknown: &mut Vec<(NodeId, String)>,
) -> Vec<Actions> {
    let mut all = Vec::new();
    for limit in tree.items(at) {
        let stage = match tree.child(*limit, "stage").map(|at| tree.value(at)) {
            Some(Value::Int(stage)) => u32::try_from(*stage).unwrap_or(0),
            _ => 0,
        };
        let written = tree
            .child(*limit, "actions")
            .map_or(&[][..], |at| tree.items(at));
        let before = unknown.len();
        let actions: Vec<_> = written
            .iter()
            .filter_map(|at| {
                let action = DescriptorAction::read(tree, *at);
                if action.is_none() {
                    let name = tree.items(*at).first().and_then(|at| tree.key(*at));
                    unknown.push((*at, name.unwrap_or("nothing").to_owned()));
                }
                action
            })
            .collect();
        // Without one of its entries it would be a different descriptor.
        if unknown.len() == before && !actions.is_empty() {
            all.push(Actions { actions, stage });
        }
    }
    all
}

impl Actions {
    /// Returns true if the request's descriptor matches the wanted entries.
    pub(super) fn makes(&self, wanted: &[Wanted], head: RequestHead<'_>) -> bool {
        let mut left = wanted.iter();
        for action in &self.actions {
            let Ok(made) = action.entry(head) else {
                return false;
            };
            let Some(made) = made else { continue };
            let fits = left.next().is_some_and(|(key, value)| {
                **key == *action.key
                    && value
                        .as_deref()
                        .is_none_or(|value| value.as_bytes() == &*made)
            });
            if !fits {
                return false;
            }
        }
        left.next().is_none()
    }

    /// Returns the entry values for a request.
    pub(super) fn values(&self, head: RequestHead<'_>) -> Vec<Vec<u8>> {
        let entries = self
            .actions
            .iter()
            .filter_map(|action| action.entry(head).ok()?);
        entries.map(Cow::into_owned).collect()
    }
}
