//! Traffic mirroring: a copy of a share of the requests to another service, to test it with real
//! traffic.
//!
//! The original does not wait for its copy: the copy's response is discarded, and no failure of the
//! copy affects the original.
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
//! Send every tenth request to another address, and read the statistics:
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
//! # Contents of a copy
//!
//! A copy has the original's method, URI, headers, body and trailers, with these differences:
//!
//! - a marker, `x-meshless-mirror: true`, by which the mirror can recognise a copy. Envoy has no
//!   such marker: the `x-envoy-internal` and `x-forwarded-for` of its copies are those that it adds
//!   to every request. A client does not forward requests, so this layer does not add them; the
//!   copy has them if the original does;
//! - the original's `Host`. Envoy appends `-shadow` to it, and servers that check their host refuse
//!   such a copy; Istio switched that off in 1.28. See [`MirrorPolicy::with_shadow_host`];
//! - a span of its own in the original's trace, with sampling off, as in Istio;
//! - nothing of the original's connection, deadline or extensions, except the address of its peer.
//!
//! `CONNECT`, requests for an upgrade, and copies are not copied.
//!
//! # Cost for the original
//!
//! A copy clones the head and spawns a task. The body streams: each frame that the original's
//! client reads is passed to the copy without copying its data. The original never waits for that.
//! A mirror whose lag exceeds [`MirrorPolicy::with_lag_limit`], or the limit of all copies
//! together, loses its copy. A body that the original does not read to its end is not copied to its
//! end either.
//!
//! # Dropped copies
//!
//! The reasons are those of [`MirrorDropReason`](crate::mirror::MirrorDropReason). Each is counted in
//! [`MirrorStats`] and reported to the observer, as
//! [`EventKind::MirrorDropped`](crate::events::EventKind::MirrorDropped). A response of the mirror with any status
//! is a success; it is read up to 64 KiB, so that its connection can be reused. An error or a panic
//! of the mirror is a failed copy, reported to the observer alone.
//!
//! Each copy runs in a task on the runtime of its call. The tasks end when the layer, its clones
//! and all services that they made are dropped.
//!
//! # Placement
//!
//! Outside the retry, as in Envoy, so that a request is copied once regardless of its attempts; and
//! inside the client's trace layer, so that the copy is part of the trace. The deadline, the
//! retries and the circuit breaker around the original do not apply to the copy: it has those of
//! the stack around the mirror's own service, if any, and [`MirrorPolicy::with_timeout`].

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

pub use crate::foundation::outcome::MirrorDropReason;
pub use copy::copy_body::{CopyBody, MirrorAborted};
pub use copy::tee_body::TeeBody;
pub use layer::MirrorLayer;
pub use policy::MirrorPolicy;
pub use service::Mirror;
pub use stats::{MirrorDrops, MirrorStats};
