//! Decisions of authorization policies. Policies, request and connection are arguments.

mod attributes;
mod compile;
mod engine;
mod identity;
mod matcher;
mod path_template;
mod pattern;
mod trust_domains;

pub(crate) use attributes::{Attributes, RemoteAddress};
pub use compile::PolicyError;
pub(crate) use engine::{Engine, Found, RuleRef, Verdict};
pub(crate) use trust_domains::TrustDomains;

#[cfg(feature = "istio")]
pub(crate) use path_template::check_path_template;
