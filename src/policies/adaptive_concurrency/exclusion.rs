use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::foundation::http::RequestHead;

type IsExcluded = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

/// Predicate of the requests that are neither limited nor samples.
#[derive(Clone)]
pub(super) struct Exclusion(Arc<IsExcluded>);

impl Exclusion {
    pub(super) fn new(
        is_excluded: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(is_excluded))
    }

    pub(super) fn holds(&self, head: RequestHead<'_>) -> bool {
        (self.0)(head)
    }
}

/// Equal if it is the same function: two closures cannot be compared.
impl PartialEq for Exclusion {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Debug for Exclusion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Exclusion")
    }
}
