use std::sync::Arc;

use tower_layer::Layer;

use super::shared::{Shared, Tracer};
use super::{SpanKind, SpanProcessor, TracePolicy, Traced, TracedGate};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// The three layers differ in what they stand for, and in nothing else.
macro_rules! layer {
    ($(#[$docs:meta])* $name:ident, $kind:expr) => {
        $(#[$docs])*
        ///
        /// Its services share its policy and its processor, as do the clones of this layer. See the
        /// [module docs](super) for an example.
        #[derive(Clone, Debug)]
        pub struct $name {
            shared: ShardedArc<Shared>,
        }

        impl $name {
            /// Creates a layer that follows `policy`.
            #[must_use]
            pub fn new(policy: TracePolicy) -> Self {
                let shared = ShardedArc::new(Shared::new($kind, policy, None));
                Self { shared }
            }

            /// Creates a layer that hands each span to `processor` when it ends.
            #[must_use]
            pub fn with_processor(policy: TracePolicy, processor: Arc<dyn SpanProcessor>) -> Self {
                let shared = ShardedArc::new(Shared::new($kind, policy, Some(processor)));
                Self { shared }
            }

            /// Wraps `inner` with `gate` before it, as one service: what this layer around
            /// [`Queued`](crate::gate::Queued) does, for less.
            pub fn gated<S, G>(&self, inner: S, gate: G) -> TracedGate<S, G> {
                TracedGate::new(inner, gate, self.tracer())
            }

            /// Begins the tracer of a service.
            pub(crate) fn tracer(&self) -> Tracer {
                Tracer::of(self.shared.shared_ref())
            }

            /// Replaces the policy for requests that start from now on.
            pub fn reconfigure(&self, policy: TracePolicy) {
                self.shared.reconfigure(policy);
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(TracePolicy::default())
            }
        }

        impl<S> Layer<S> for $name {
            type Service = Traced<S>;

            fn layer(&self, inner: S) -> Traced<S> {
                Traced::new(inner, self.tracer())
            }
        }
    };
}

layer!(
    /// Accepts the trace that a request brings, or begins one, and makes it the current one for all
    /// that the handler does.
    TraceServerLayer,
    SpanKind::Server
);

layer!(
    /// Puts the current trace on each call that goes out.
    ///
    /// A call made outside of every request goes on with the trace that its own headers name, or
    /// begins one.
    TraceClientLayer,
    SpanKind::Client
);

impl TraceClientLayer {
    /// Creates a layer that puts on the calls what all their attempts have in common: a
    /// [`TraceAttemptLayer`] inside it adds the ids of each.
    pub(crate) fn without_injection(policy: TracePolicy) -> Self {
        let shared = Shared::new(SpanKind::Client, policy, None);
        let shared = ShardedArc::new(shared.without_injection());
        Self { shared }
    }
}

layer!(
    /// Gives each attempt of a call a span of its own; it belongs inside the retry layer.
    TraceAttemptLayer,
    SpanKind::Attempt
);
