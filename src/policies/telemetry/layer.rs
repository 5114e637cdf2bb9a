use std::sync::Arc;

use tower_layer::Layer;

use super::shared::{Shared, Tracer};
use super::{SpanKind, SpanProcessor, TracePolicy, Traced, TracedGate};
use crate::foundation::events::{Emitter, Observe, named};
#[cfg(feature = "istio")]
use crate::foundation::peer::PeerExchange;
use crate::foundation::sync::sharded_arc::ShardedArc;

/// Defines a trace layer; the three layers differ only in the kind of their spans.
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
            /// Creates a layer with `policy`.
            #[must_use]
            pub fn new(policy: TracePolicy) -> Self {
                Self::with_emitter(policy, Emitter::default())
            }

            /// Creates a layer that reports the end of each request to `observe`, if it
            /// [wants it](crate::Observe::observes_requests).
            #[must_use]
            pub fn with_observer(policy: TracePolicy, observe: Arc<dyn Observe>) -> Self {
                Self::with_emitter(policy, Emitter::new(observe))
            }

            pub(crate) fn with_emitter(policy: TracePolicy, emitter: Emitter) -> Self {
                let shared = ShardedArc::new(Shared::new($kind, policy, None, emitter));
                Self { shared }
            }

            /// Asks the observer again for the events that it wants, after it was replaced.
            pub(crate) fn update_observer(&self) {
                self.shared.update_observer();
            }

            named!(self => self.shared.emitter().clone());

            /// Creates a layer that passes each span to `processor` when it ends.
            #[must_use]
            pub fn with_processor(policy: TracePolicy, processor: Arc<dyn SpanProcessor>) -> Self {
                let emitter = Emitter::default();
                let shared = Shared::new($kind, policy, Some(processor), emitter);
                Self {
                    shared: ShardedArc::new(shared),
                }
            }

            /// Wraps `inner` with `gate` in front of it as one service, equivalent to this layer
            /// around [`Queued`](crate::gate::Queued) but cheaper.
            pub fn gated<S, G>(&self, inner: S, gate: G) -> TracedGate<S, G> {
                TracedGate::new(inner, gate, self.tracer())
            }

            /// Returns the tracer of a service.
            pub(crate) fn tracer(&self) -> Tracer {
                Tracer::of(self.shared.shared_ref())
            }

            /// Replaces the policy for requests that start from now on.
            pub fn reconfigure(&self, policy: TracePolicy) {
                self.shared.reconfigure(policy);
            }

            /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the
            /// first one.
            #[must_use]
            pub fn policy(&self) -> TracePolicy {
                self.shared.policy()
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
    /// Continues the trace of a request, or starts one, and makes it the current trace of the
    /// handler.
    TraceServerLayer,
    SpanKind::Server
);

layer!(
    /// Propagates the current trace to each outgoing call.
    ///
    /// A call outside of every request continues the trace in its own headers, or starts one.
    TraceClientLayer,
    SpanKind::Client
);

#[cfg(feature = "istio")]
impl TraceServerLayer {
    /// Creates a layer that exchanges the names of workloads with its callers.
    pub(crate) fn with_peers(
        policy: TracePolicy,
        emitter: Emitter,
        peers: Option<Arc<PeerExchange>>,
    ) -> Self {
        let shared = Shared::new(SpanKind::Server, policy, None, emitter);
        let shared = ShardedArc::new(shared.with_peers(peers));
        Self { shared }
    }

    /// Creates the layer of a gateway: its requests are those that the layers inside send on.
    pub(crate) fn forwarding(policy: TracePolicy, emitter: Emitter) -> Self {
        let shared = Shared::new(SpanKind::Server, policy, None, emitter);
        let shared = ShardedArc::new(shared.forwarding());
        Self { shared }
    }
}

#[cfg(feature = "istio")]
impl TraceAttemptLayer {
    /// Creates a layer that exchanges the names of workloads with the destination.
    pub(crate) fn with_peers(
        policy: TracePolicy,
        emitter: Emitter,
        peers: Option<Arc<PeerExchange>>,
    ) -> Self {
        let shared = Shared::new(SpanKind::Attempt, policy, None, emitter);
        let shared = ShardedArc::new(shared.with_peers(peers));
        Self { shared }
    }
}

impl TraceClientLayer {
    /// Creates a layer that writes only the headers that all attempts of a call share: a
    /// [`TraceAttemptLayer`] inside it writes the ids of each attempt.
    pub(crate) fn without_injection(policy: TracePolicy, emitter: Emitter) -> Self {
        let shared = Shared::new(SpanKind::Client, policy, None, emitter);
        let shared = ShardedArc::new(shared.without_injection());
        Self { shared }
    }
}

layer!(
    /// Gives each attempt of a call a span of its own; place it inside the retry layer.
    TraceAttemptLayer,
    SpanKind::Attempt
);
