//! End of a request or an attempt, and the facts that layers inside note for it.

pub(in crate::foundation::events) mod completion;
pub(crate) mod record;
pub(crate) mod record_ref;
