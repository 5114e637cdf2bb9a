//! Metrics with Istio's names and labels, for Prometheus and for what reads it: Istio's dashboards, Kiali.
//!
//! # Example
//!
//! Metrics of a mesh, scraped at `/metrics`:
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "istio"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::Router;
//! use meshless::Mesh;
//! use meshless::prometheus::Metrics;
//!
//! let metrics = Metrics::default();
//! let mesh = Mesh::builder().with_metrics(&metrics).read_yaml("")?;
//! let operators: Router = Router::new().route("/metrics", metrics.handler());
//! # let _ = (mesh, operators);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "istio")))]
//! # fn main() {}
//! ```
//!
//! A stack that is made by hand reports to an observer; its name is the label of its destination:
//!
//! ```
//! use meshless::prometheus::{Format, Metrics, MetricsPolicy};
//! use tower::Layer;
//! # #[derive(Clone)] struct Transport;
//! # let transport = Transport;
//!
//! let metrics = Metrics::new(MetricsPolicy::default().with_workload("waste-service", "waste"));
//! let openai = meshless::outbound().named("openai").with_observer(metrics.observer());
//! let client = openai.layer(transport);
//! assert!(metrics.encode(Format::Text).contains("istio_build"));
//! # let _ = client;
//! ```
//!
#![doc = include_str!("../../../docs/metrics.md")]

mod decisions;
mod description;
mod exposition;
mod format;
#[cfg(feature = "axum")]
mod handler;
#[cfg(feature = "istio")]
mod mesh;
#[cfg(feature = "istio")]
mod mesh_state;
mod metrics;
mod metrics_policy;
mod observer;
mod requests;

pub use format::Format;
pub use metrics::Metrics;
pub use metrics_policy::MetricsPolicy;
use observer::MetricsObserver;
