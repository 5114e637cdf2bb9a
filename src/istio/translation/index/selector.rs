use std::collections::BTreeMap;

use crate::istio::api::fields::read::{Entries, Spanned};

/// Returns true if a workload has all labels of a selector; an empty selector matches all.
pub(in crate::istio::translation) fn selects(
    selector: &Entries<Spanned<String>>,
    labels: &BTreeMap<String, String>,
) -> bool {
    selector.iter().all(|(name, value)| {
        let wanted = value.as_ref().map_or("", |value| value.value.as_str());
        labels.get(&name.value).is_some_and(|own| own == wanted)
    })
}
