//! Decisions of authorization policies. Policies, request and connection are arguments.

mod attributes;
mod compile;
mod engine;
mod identity;
mod matcher;
mod path_template;
mod pattern;

pub(crate) use attributes::{Attributes, RemoteAddress};
pub use compile::PolicyError;
pub(crate) use compile::TrustDomains;
pub(crate) use engine::{Engine, Found, RuleRef, Verdict};
#[cfg(feature = "istio")]
pub(crate) use path_template::check_path_template;
