//! Parser, validator and analyzer for Istio YAML, and its translation to policies.
//!
//! # Example
//!
//! ```
//! use meshless::istio::{Code, Documents, Severity};
//!
//! let documents = Documents::from_yaml("
//! apiVersion: networking.istio.io/v1
//! kind: VirtualService
//! metadata: {name: reviews}
//! spec:
//!   hosts: [reviews]
//!   http:
//!   - route:
//!     - destination: {host: reviews}
//!     retries: {atempts: 3}
//! ");
//! let [found] = documents.diagnostics() else { unreachable!("there is one finding") };
//! assert_eq!((found.severity(), found.code()), (Severity::Error, Code::UnknownField));
//! assert_eq!((found.line(), found.field()), (10, "spec.http[0].retries.atempts"));
//! assert_eq!(found.help(), "did you mean `attempts`?");
//! println!("{found}");
//! ```
//!
//! prints
//!
//! ```text
//! error[MSH0003]: unknown field `atempts`
//!   --> <text>:10:15
//!    |
//! 10 |     retries: {atempts: 3}
//!    |               ^^^^^^^
//!    |
//!    = field: spec.http[0].retries.atempts of VirtualService default/reviews
//!    = here: the document is rejected; none of its settings apply
//!    = Istio: Kubernetes and `istioctl validate` reject unknown fields
//!    = help: did you mean `attempts`?
//! ```
//!
//! # A whole folder, in CI
//!
//! The program `meshless` (feature `cli`) checks a folder with `meshless check policies/`, and prints text, JSON, SARIF or
//! annotations of GitHub; `examples/check_policies` does it in a program of your own. In essence:
//!
//! ```no_run
//! use meshless::istio::Documents;
//!
//! let documents = Documents::from_path("policies");
//! for found in documents.diagnostics() {
//!     println!("{found}");
//! }
//! std::process::exit(i32::from(documents.has_errors()));
//! ```
//!
//! # What is enforced
//!
//! Loading documents only reports findings. **Documents are enforced by a mesh**: the stacks that
//! [`mesh`](crate::mesh) assembles from them behave like a sidecar of the workload. The line *here*
//! of a finding describes these stacks; a document with an error is not part of them.
//!
//! Hosts, namespaces and rules have the meaning that Istio's control plane gives them (`pilot/pkg`
//! of 1.30): the oldest virtual service of a host; the rule of the caller's namespace before that
//! of the service's and the root namespace; subsets that override block by block; two retries by
//! default. A field without effect is reported ([`Code::FieldWithoutEffect`]).
//!
//! # Rules and their sources
//!
//! - **Errors** are what `istioctl validate` and Kubernetes refuse (`pkg/config/validation` and the schemas of
//!   Istio 1.31), an unknown field, two documents that are one object, and what is no YAML. A running mesh takes a
//!   document with a field that may be of a newer Istio, with a warning: see [`FieldValidation`].
//! - **Warnings** are what `istioctl analyze` says of documents without asking a cluster, under its codes
//!   (`IST0…`), and what is legal and does not do what it looks like, under our own (`MSH…`): see [`Code`].
//! - **Kinds.** `VirtualService`, `DestinationRule`, `ServiceEntry`, `Gateway`, `AuthorizationPolicy`, `EnvoyFilter` (of
//!   which only the local rate limit is known) and, with the features `jwt` and `mtls`, `RequestAuthentication` and
//!   `PeerAuthentication` are read.
//!   `WorkloadEntry`, `WorkloadGroup`, `Sidecar` and `Telemetry` are checked, each with a
//!   warning that nothing enforces them. Other kinds of Kubernetes are passed over, with a note, or with a
//!   warning where Istio acts on them (the routes of the Gateway API). Lists are read as their items.
//! - **What is referred to.** Hosts, ports, subsets, gateways and workloads are looked for among the service
//!   entries, and among the `Service`s, pods and their templates, `Namespace`s and gateways of the Gateway API that
//!   lie beside the policies. A missing object is reported only where the documents show that part of the cluster,
//!   or have a name that was most likely meant.
//! - **Spelling.** Fields are read in camel case and in snake case, as protobuf's JSON has it, with a warning
//!   where Kubernetes takes one only. Durations are protobuf's (`1.5s`) and Go's (`1h30m`).
//! - **YAML** is read as `kubectl` reads it, by the rules of go-yaml 2: `0100` is 64, `1_000` is 1000, `yes` and
//!   `on` are booleans, `1:30` is a text. A merge key (`<<`) overrides what stands before it. Tabs do not indent.
//! - **Bounds.** 64 MiB of text a load, 3 MiB, 100 000 values and 64 levels a document, and 512 MiB of values
//!   with what aliases repeat. What is over is an error, never a crash. 100 findings a document and 10 000 a load
//!   are kept; that there were more is a finding.

mod analysis;
mod api;
pub(crate) mod config;
#[cfg(test)]
mod coverage;
pub(crate) mod diagnostics;
mod effects;
pub(crate) mod loader;
pub(crate) mod model;
pub(crate) mod syntax;
pub(crate) mod translation;
mod validation;

pub use api::field_validation::FieldValidation;
pub use diagnostics::code::Code;
pub use diagnostics::diagnostic::{Diagnostic, Severity};
pub use loader::input::Input;
pub use model::kind::Kind;
pub use model::load::documents::{Documents, Resource};
