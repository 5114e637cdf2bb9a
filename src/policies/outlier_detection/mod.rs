//! Temporary ejection of failing endpoints from load balancing; Envoy's outlier detection.
//!
//! # Example
//!
//! ```
//! use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
//! use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
//! use meshless::{Endpoint, Endpoints};
//!
//! # fn main() -> Result<(), http::uri::InvalidUri> {
//! let users = Endpoints::fixed([
//!     Endpoint::try_from("10.0.0.1:8000")?,
//!     Endpoint::try_from("10.0.0.2:8000")?,
//! ]);
//! let detector = OutlierDetector::new(OutlierDetectionPolicy::default(), users.clone());
//! let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), users)
//!     .with_endpoint_observer(detector.clone());
//! assert_eq!(detector.stats().ejected, 0);
//! # let _ = balance;
//! # Ok(())
//! # }
//! ```
//!
//! Reasons, times and limits are set in the policy; it also works without HTTP:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::outlier_detection::{FailurePercentage, OutlierDetectionPolicy, OutlierDetector};
//! use meshless::{Endpoint, Endpoints, Failure, Outcome, Percent};
//! use meshless::load_balance::EndpointObserver;
//!
//! # fn main() -> Result<(), http::uri::InvalidUri> {
//! let policy = OutlierDetectionPolicy::default()
//!     .with_consecutive_5xx(3)
//!     .with_failure_percentage(FailurePercentage::new(Percent::new(50)))
//!     .with_interval(Duration::from_secs(5))
//!     .with_base_ejection_time(Duration::from_secs(15))
//!     .with_max_ejection_percent(Percent::new(50));
//!
//! let replica = Endpoint::try_from("db-1:5432")?;
//! let replicas = Endpoints::fixed([replica.clone(), Endpoint::try_from("db-2:5432")?]);
//! let detector = OutlierDetector::new(policy, replicas.clone());
//! for _ in 0..3 {
//!     detector.report(&replica, Outcome::Failed(Failure::Connect));
//! }
//! assert!(replicas.is_ejected(&replica));
//! # Ok(())
//! # }
//! ```
//!
//! # Behaviour
//!
//! Envoy's algorithm, with the defaults that Istio gives it, checked by Envoy's own test scripts:
//!
//! - **Failures in a row** (5xx; 502, 503 and 504; out of reach) eject at once, when the count *equals*
//!   the limit. A success clears it. **Rates** are compared by the sweep at the end of each interval.
//! - **An ejection** lasts the base time, twice that the next time in a row, and so on; each interval in
//!   good health takes one off. Only a sweep ends it, so it lasts to the first one after its time. The
//!   sweeps lie on a grid from the detector's creation; the next request runs those that are due, so
//!   there is no task, and nothing spins while an endpoint is out.
//! - **How many**: the share of the endpoints that may be out is a hard limit, except that one may be
//!   out in any case ([`with_eject_one_always`](OutlierDetectionPolicy::with_eject_one_always)).
//! - **What counts**: statuses and failures of attempts, each try of a retry by itself. A response that
//!   breaks off after its head is a failure more, of reaching the endpoint. gRPC statuses count as the
//!   HTTP statuses that stand for them, those in trailers too.
//!   [Other statuses](OutlierDetectionPolicy::with_error_statuses) may be the errors. What a
//!   policy of this crate rejected, an injected fault, and a call that its caller abandoned count for
//!   no endpoint.
//! - **Reaching it** counts [apart](OutlierDetectionPolicy::with_split_local_origin) if the policy says
//!   so: then any answer, whatever its status, says that it was reached. A reset or a timeout counts as
//!   out of reach, and two in a row are two.
//!
//! Each process decides for itself, by what it sees. Where that is not Envoy's way, it stands in the [table of
//! differences](crate::mesh#differences-from-envoy).

mod detector;
mod host_monitors;
#[cfg(all(test, meshless_loom))]
mod loom_tests;
mod machine;
mod policy;
mod report;
mod rules;
#[cfg(test)]
mod vectors;

pub use detector::OutlierDetector;
pub use policy::OutlierDetectionPolicy;
pub use rules::{FailurePercentage, SuccessRate};

pub use crate::foundation::outcome::EjectionReason;

use std::time::Instant;

use crate::foundation::endpoints::Endpoint;

/// Ejection of an endpoint that lasts.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ejection {
    /// The outlier.
    pub endpoint: Endpoint,
    /// Criterion that it failed.
    pub reason: EjectionReason,
    /// Time of the ejection, on tokio's clock.
    pub since: Instant,
    /// Time of the sweep that ends it.
    pub until: Instant,
    /// Number of ejections in a row, by which the time grows.
    pub times: u32,
}

/// Statistics of a detector.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OutlierDetectionStats {
    /// Number of endpoints that are ejected now.
    pub ejected: usize,
    /// Number of ejections so far.
    pub ejections: u64,
    /// Number of outliers that were not ejected, because too many endpoints were ejected already or
    /// the policy enforces the reason only for a share.
    pub suppressed: u64,
}
