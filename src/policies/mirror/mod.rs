//! Copies a share of the requests to another service, to see how it does with real traffic.
//!
//! Nobody waits for the copy: its answer is thrown away, and whatever happens to it, the original
//! goes its way.
//!
//! # Example
//!
//! Send every request to the next version as well:
//!
//! ```
//! use http::{Request, Response};
//! use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy};
//! use tower::{ServiceBuilder, service_fn};
//!
//! # use std::convert::Infallible;
//! # async fn v1<B>(_: Request<B>) -> Result<Response<String>, Infallible> {
//! #     Ok(Response::default())
//! # }
//! # async fn v2(_: Request<CopyBody>) -> Result<Response<String>, Infallible> {
//! #     Ok(Response::default())
//! # }
//! let service = ServiceBuilder::new()
//!     .layer(MirrorLayer::new(MirrorPolicy::default(), service_fn(v2)))
//!     .service_fn(v1);
//! # fn is_service<S: tower::Service<Request<String>>>(_: &S) {}
//! # is_service(&service);
//! ```
//!
//! Send every tenth to another address, and see what became of the copies:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::Percent;
//! use meshless::mirror::{MirrorLayer, MirrorPolicy};
//!
//! let policy = MirrorPolicy::new(Percent::new(10))
//!     .with_authority("waste-v2:8000".parse()?)
//!     .with_max_in_flight(20)
//!     .with_timeout(Duration::from_secs(5));
//! # let client = ();
//! let layer = MirrorLayer::new(policy, client);
//!
//! let stats = layer.stats();
//! println!("{} answered, {} failed, {} dropped", stats.mirrored, stats.failed, stats.dropped.total());
//!
//! layer.reconfigure(MirrorPolicy::off());
//! # Ok::<_, http::uri::InvalidUri>(())
//! ```
//!
//! The mirror's service is any that takes a [`CopyBody`]: a client (of hyper-util, or the crate's own
//! `Transport`), or a stack of layers around one. It is cloned for each copy.
//!
//! # What a copy is
//!
//! It has the original's method, URI, headers, body and trailers, and
//!
//! - a mark, `x-meshless-mirror: true`, so that the other side can tell it from an original. Envoy has no
//!   such mark: the `x-envoy-internal` and `x-forwarded-for` that its copies carry are those that it gives
//!   every request, and as a client is not asked to forward, they are not made up here. What the
//!   original carries, its copy does;
//! - the original's `Host`. Envoy appends `-shadow` to it, which makes servers that check their host refuse
//!   the copy; Istio switched that off in 1.28. See [`MirrorPolicy::with_shadow_host`];
//! - a span of its own in the original's trace, which asks not to be recorded, as in Istio;
//! - nothing of the original's connection, deadline or extensions, but for the address of its peer.
//!
//! `CONNECT`, requests for an upgrade, and copies are not copied.
//!
//! # What it costs the original
//!
//! To be copied, a head is cloned and a task begun. The body streams: what the original's client reads
//! is handed to the copy without being copied itself. The original never waits for that. A
//! mirror that falls behind further than [`MirrorPolicy::with_lag_limit`], or than all copies together may
//! hold, loses its copy. A body that the original does not read to its end is not copied to
//! its end either.
//!
//! # When a copy is dropped
//!
//! For the reasons of [`MirrorDropReason`](crate::MirrorDropReason). Each is counted in [`MirrorStats`] and told to
//! the observer, as [`Event::MirrorDropped`](crate::Event::MirrorDropped). A mirror that answers, with
//! whatever status, has done its part; its response is read up to 64 KiB, for the sake of the
//! connection. An error, or a panic, of the mirror is a copy that failed, and nobody else hears of it.
//!
//! Each copy runs in a task on the runtime of its call. The tasks end when the layer, its clones and all
//! services that they made are dropped.
//!
//! # Where to put it
//!
//! Outside the retry, as Envoy does, so that a request is copied once however often it is tried; and
//! inside the client's trace layer, so that the copy is part of the trace. The deadline, the retries and
//! the circuit breaker around the original are not the copy's: it has those of the stack around the
//! mirror's own service, if any, and [`MirrorPolicy::with_timeout`].

pub(crate) mod copy;
mod counts;
mod head;
mod layer;
mod machine;
mod policy;
mod service;
mod stats;
mod task;
mod trace;

pub use copy::copy_body::{CopyBody, MirrorAborted};
pub use copy::tee_body::TeeBody;
pub use layer::MirrorLayer;
pub use policy::MirrorPolicy;
pub use service::Mirror;
pub use stats::{MirrorDrops, MirrorStats};
