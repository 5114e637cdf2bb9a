use std::collections::BTreeMap;

use crate::istio::api::fields::read::{Entries, Spanned};

/// Says whether all labels of a selector are among those of a workload; none selects all.
pub(in crate::istio::translation) fn selects(
    selector: &Entries<Spanned<String>>,
    labels: &BTreeMap<String, String>,
) -> bool {
    selector.iter().all(|(name, value)| {
        let wanted = value.as_ref().map_or("", |value| value.value.as_str());
        labels.get(&name.value).is_some_and(|own| own == wanted)
    })
}
