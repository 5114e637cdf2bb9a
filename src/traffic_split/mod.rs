//! Sends requests to one version of a service or another: by what they ask for, by weight, or by
//! user.

mod apply;
mod cookie_value;
mod destination;
mod direct_response;
mod future;
mod header_format;
mod header_match;
mod headers;
mod layer;
mod machine;
mod matching;
mod normalize;
mod on_response;
mod path;
mod path_match;
mod policy;
mod query;
mod redirect;
mod rewrite;
mod route;
mod routed;
mod service;
mod sticky;
mod sticky_cookie;
mod table;
mod template;
mod view;
mod virtual_host;
mod weighted;
mod weights;

pub use destination::Destination;
pub use direct_response::DirectResponse;
pub use future::{RoutedFuture, TrafficSplitFuture};
pub use header_format::HeaderFormat;
pub use header_match::HeaderMatch;
pub use headers::HeaderOperations;
pub use layer::{TrafficRouter, TrafficSplitLayer};
pub use machine::{Choice, Decision, Matched};
pub use matching::Match;
pub use path_match::PathMatch;
pub use policy::{RouteId, TrafficSplitPolicy};
pub use redirect::Redirect;
pub use rewrite::{PathRewrite, Rewrite};
pub use route::Route;
pub use routed::Routed;
pub use service::TrafficSplit;
pub use sticky::Sticky;
pub use sticky_cookie::StickyCookie;
pub use template::PathTemplate;
pub use virtual_host::VirtualHost;
pub use weighted::WeightedDestination;
pub use weights::WeightsError;

pub use crate::base::gate::Unwatched;
pub use crate::base::{HostPattern, PatternError, StringMatch};

/// The body of a response that went through a traffic split: the destination's, or an answer of its
/// own.
pub type RoutedBody<R> = crate::base::WatchedBody<R, Unwatched>;
