//! Findings in the forms of other programs.

pub(crate) mod github;
pub(crate) mod sarif;
