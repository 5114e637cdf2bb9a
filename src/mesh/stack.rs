//! Order of the layers in each stack, outermost first: the source of [`outbound`](super::outbound()),
//! [`inbound`](super::inbound()), and the stacks of workloads and gateways.
//!
//! | outbound | by hand | workload, gateway |
//! |---|---|---|
//! | span of the request | yes | yes |
//! | host and route | none: one upstream | by the documents |
//! | rate limit of requests | off by default | those of host and route, none by default |
//! | fault | none | the route's, off by default |
//! | CORS | none | the route's, off by default |
//! | weights, header changes, rewrite | none | the route's |
//! | mirrors | none | the route's, none by default |
//! | total timeout | 15 s by default | the route's, off by default |
//! | retry | the default of its policy | the route's, Istio's two retries by default |
//! | span of the attempt | yes | yes |
//! | rate limit of attempts | off by default | none |
//! | concurrency limit | 1024, and as many pending, by default | the cluster's, off by default |
//! | circuit breaker | the default of its policy | none: outlier detection ejects single endpoints |
//! | endpoints | none: the transport | the cluster's, after the wait for their DNS names |
//!
//! | inbound | by hand | workload | gateway |
//! |---|---|---|---|
//! | sanitation at the edge | none | none | yes |
//! | external authorizer: question | none | that of the documents (`CUSTOM`), none by default | as a workload's |
//! | tokens: check | none | those of the documents (`jwt`), none by default | as a workload's |
//! | span of the request | yes | yes | yes |
//! | external authorizer: answer | none | as the question: it changes the request, and its answers need a span | as a workload's |
//! | tokens: refusal | none | as the check: it changes the request, and its answers need a span | as a workload's |
//! | authorization | none | the policies of the documents, none by default | as a workload's |
//! | rate limits | off by default | those of the documents, none by default | as a workload's |
//! | concurrency limit | 1024, none pending, by default | none: Envoy has none there | none |
//! | timeout and deadline | 15 s to the head, 5 min of silence in the body, or the caller's deadline | the caller's deadline | none: each route has its own |

use std::time::Duration;

use tower_layer::Layer;

use super::outer_stack::{OuterStack, WithRetryHints};
use super::{LayerConfig, StackWarning, lint};
use crate::foundation::admission::{Gate, GateChain, SharedGate};
use crate::foundation::events::Emitter;
use crate::policies::circuit_breaker::{
    CircuitBreakerGate, CircuitBreakerLayer, CircuitBreakerPolicy,
};
use crate::policies::concurrency_limit::{
    ConcurrencyLimitGate, ConcurrencyLimitLayer, ConcurrencyLimitPolicy,
};
use crate::policies::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitPolicy};
use crate::policies::retry::{Retry, RetryLayer, RetryPolicy};
use crate::policies::telemetry::{
    TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer, TracedGate,
};
use crate::policies::timeout::{Timeout, TimeoutLayer, TimeoutPolicy};

/// Total timeout of the stacks by hand: Envoy's default for a route, which Istio turns off.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);

/// Idle timeout of the inbound stack by hand: Envoy's default for a stream.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Concurrency limit of the stacks by hand: Envoy's default for a cluster, which Istio turns off.
const MAX_IN_FLIGHT: u32 = 1_024;

/// Layers of the stack around a transport, outermost first.
#[derive(Clone, Debug)]
pub(super) struct OutboundLayers {
    /// Observer and name of all layers.
    pub(super) emitter: Emitter,
    pub(super) trace: TraceClientLayer,
    pub(super) rate_limit: RateLimitLayer,
    pub(super) timeout: TimeoutLayer,
    pub(super) retry: RetryLayer,
    pub(super) trace_attempt: TraceAttemptLayer,
    pub(super) attempt_limit: RateLimitLayer,
    pub(super) concurrency_limit: ConcurrencyLimitLayer,
    pub(super) circuit_breaker: CircuitBreakerLayer,
}

/// Layers of the stack around a server's routes, outermost first.
#[derive(Clone, Debug)]
pub(super) struct InboundLayers {
    /// Observer and name of all layers.
    pub(super) emitter: Emitter,
    pub(super) trace: TraceServerLayer,
    pub(super) rate_limit: RateLimitLayer,
    pub(super) concurrency_limit: ConcurrencyLimitLayer,
    pub(super) timeout: TimeoutLayer,
}

/// Stack of [`outbound`].
pub(super) type OutboundStack<S> =
    OuterStack<Retry<TracedGate<S, AttemptGates>>, RateLimitGate, WithRetryHints>;

/// Stack of [`upstream`], with `G` in front of each attempt.
pub(super) type UpstreamStack<S, G> = Timeout<Retry<TracedGate<S, G>>>;

/// Gates of each attempt in a stack by hand, which the retry clones for each request.
type AttemptGates =
    SharedGate<GateChain<RateLimitGate, GateChain<ConcurrencyLimitGate, CircuitBreakerGate>>>;

/// Gates of each request in an inbound stack by hand.
pub(super) type InboundGates = GateChain<RateLimitGate, ConcurrencyLimitGate>;

/// Puts the stack by hand around a transport.
pub(super) fn outbound<S>(layers: &OutboundLayers, transport: S) -> OutboundStack<S> {
    OuterStack::new(
        // Outermost: a request has one span, whatever answers it.
        layers.trace.tracer(),
        // Outside the retry: it counts requests, so that a retry takes no share from another caller. Outside the
        // timeout: a request that is rejected needs no deadline.
        layers.rate_limit.gate(),
        upstream(
            &layers.timeout,
            &layers.retry,
            &layers.trace_attempt,
            attempt_gates(layers),
            transport,
        ),
    )
}

/// Puts a stack that has no transport yet around one.
#[inline]
pub(super) fn around<S>(stack: OutboundStack<()>, transport: S) -> OutboundStack<S> {
    stack.map_inner(|retry| retry.map_inner(|attempt| attempt.map_inner(|()| transport)))
}

/// Puts the layers that all outbound stacks have between a request and its attempts around `transport`.
pub(super) fn upstream<S, G>(
    timeout: &TimeoutLayer,
    retry: &RetryLayer,
    trace_attempt: &TraceAttemptLayer,
    gate: G,
    transport: S,
) -> UpstreamStack<S, G> {
    // Outside the retry: it limits all attempts together, with the waits between them. A timeout inside would
    // give each attempt the whole time.
    timeout.layer(
        // Outside the gates of an attempt: no permit is held during a backoff, and the circuit breaker sees each
        // failure of the upstream. The timeout of an attempt is part of it.
        retry.layer(
            // Outside the gates, so that an attempt that they reject has a span too. It alone writes trace headers,
            // since each attempt has its own id.
            trace_attempt.gated(transport, gate),
        ),
    )
}

fn attempt_gates(layers: &OutboundLayers) -> AttemptGates {
    SharedGate::new(GateChain::new(
        // Inside the retry: it counts attempts, for upstreams that bill by the call. Before the permit: an attempt that
        // waits for a token would keep it from others.
        layers.attempt_limit.gate(),
        GateChain::new(
            // Outside the circuit breaker: attempts that wait for a permit are no probes of it.
            layers.concurrency_limit.gate(),
            // Innermost: it records only what the upstream did, and decides when the attempt is about to be sent.
            layers.circuit_breaker.gate(),
        ),
    ))
}

/// Puts the inbound stack around the routes of a server.
pub(super) fn inbound<S, G: Gate>(
    trace: &TraceServerLayer,
    gates: G,
    timeout: &TimeoutLayer,
    routes: S,
) -> OuterStack<S, G> {
    OuterStack::new(
        // Outermost: a rejected request has a span too.
        trace.tracer(),
        // Outside the timeout: a rejection needs no deadline, and the deadline of an admitted request runs for its
        // handler.
        gates,
        timeout.layer(routes),
    )
}

/// Joins the gates of an inbound stack by hand.
pub(super) fn inbound_gates(layers: &InboundLayers) -> InboundGates {
    GateChain::new(
        // First: a request over the limit takes no permit from one within it.
        layers.rate_limit.gate(),
        layers.concurrency_limit.gate(),
    )
}

/// Returns the contradictions in an outbound stack by hand, with or without streams as responses.
pub(super) fn lint_outbound(layers: &OutboundLayers, streams: bool) -> Vec<StackWarning> {
    let (timeout, retry) = (layers.timeout.policy(), layers.retry.policy());
    let limit = layers.concurrency_limit.policy();
    let breaker = layers.circuit_breaker.policy();
    let order = [
        LayerConfig::Timeout(&timeout),
        LayerConfig::Retry(&retry),
        LayerConfig::ConcurrencyLimit(&limit),
        LayerConfig::CircuitBreaker(&breaker),
        LayerConfig::Streams,
    ];
    lint(without_streams_unless(streams, &order))
}

/// Returns the contradictions in an inbound stack by hand, with or without streams as responses.
pub(super) fn lint_inbound(layers: &InboundLayers, streams: bool) -> Vec<StackWarning> {
    let (limit, timeout) = (layers.concurrency_limit.policy(), layers.timeout.policy());
    let order = [
        LayerConfig::ConcurrencyLimit(&limit),
        LayerConfig::Timeout(&timeout),
        LayerConfig::Streams,
    ];
    lint(without_streams_unless(streams, &order))
}

/// Omits the last layer, the streams, unless there are any.
fn without_streams_unless<'a, 'b>(
    streams: bool,
    order: &'a [LayerConfig<'b>],
) -> &'a [LayerConfig<'b>] {
    &order[..order.len() - usize::from(!streams)]
}

impl Default for OutboundLayers {
    fn default() -> Self {
        let emitter = Emitter::default();
        let report = || emitter.clone();
        let trace = TracePolicy::default();
        let timeout = TimeoutPolicy::total(TOTAL_TIMEOUT);
        // Envoy's default for pending requests is the same number.
        let limit = ConcurrencyLimitPolicy::new(MAX_IN_FLIGHT).with_max_pending(MAX_IN_FLIGHT);
        let breaker = CircuitBreakerPolicy::default();
        Self {
            trace: TraceClientLayer::without_injection(trace.clone(), report()),
            rate_limit: RateLimitLayer::with_emitter(RateLimitPolicy::off(), report()),
            timeout: TimeoutLayer::with_emitter(timeout, report()),
            retry: RetryLayer::with_emitter(RetryPolicy::default(), report()),
            trace_attempt: TraceAttemptLayer::with_emitter(trace, report()),
            attempt_limit: RateLimitLayer::with_emitter(RateLimitPolicy::off(), report()),
            concurrency_limit: ConcurrencyLimitLayer::with_emitter(limit, report()),
            circuit_breaker: CircuitBreakerLayer::with_emitter(breaker, report()),
            emitter,
        }
    }
}

impl Default for InboundLayers {
    fn default() -> Self {
        let emitter = Emitter::default();
        let report = || emitter.clone();
        // No queue: a server that is full answers at once, so that its callers can try another one.
        let limit = ConcurrencyLimitPolicy::new(MAX_IN_FLIGHT);
        // To the head: streams and downloads last, and the time for a body depends on its reader too.
        let timeout = TimeoutPolicy::head(TOTAL_TIMEOUT).with_idle(IDLE_TIMEOUT);
        Self {
            trace: TraceServerLayer::with_emitter(TracePolicy::default(), report()),
            // Off: its key depends on the application.
            rate_limit: RateLimitLayer::with_emitter(RateLimitPolicy::off(), report()),
            concurrency_limit: ConcurrencyLimitLayer::with_emitter(limit, report()),
            timeout: TimeoutLayer::with_emitter(timeout, report()),
            emitter,
        }
    }
}

/// Stacks of workloads and gateways, whose layers follow the documents.
#[cfg(feature = "istio")]
pub(in crate::mesh) mod routed {
    use super::{
        ConcurrencyLimitGate, Emitter, GateChain, Layer, RetryLayer, TimeoutLayer, TimeoutPolicy,
        TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer, TracedGate,
        UpstreamStack,
    };
    use crate::policies::telemetry::Traced;

    /// Puts the span of a request around the router, which finds host and route.
    pub(in crate::mesh) fn outbound<R>(
        trace: &TracePolicy,
        emitter: Emitter,
        router: R,
    ) -> Traced<R> {
        // Without injection: the attempts write the headers, each with the id of its own span.
        TraceClientLayer::without_injection(trace.clone(), emitter).layer(router)
    }

    /// Joins the gates of a server or a gateway.
    pub(in crate::mesh) const fn server_gates<A, L>(
        authorization: A,
        limits: L,
    ) -> GateChain<A, L> {
        // The policies first: a request that they deny takes no token from one that they allow.
        GateChain::new(authorization, limits)
    }

    /// Joins the gates of a route.
    pub(in crate::mesh) const fn route_gate<L, F, C>(
        rate_limits: L,
        fault: F,
        cors: C,
    ) -> GateChain<L, GateChain<F, C>> {
        // The limits first: a request over them is rejected without the delay of a fault. CORS last, as in Istio's
        // proxies: it answers the preflights of requests that would be forwarded.
        GateChain::new(rate_limits, GateChain::new(fault, cors))
    }

    /// Puts the layers between a route and one of its destinations around the endpoints of the destination's
    /// cluster.
    pub(in crate::mesh) fn destination<M, S>(
        mirrors: &M,
        timeout: &TimeoutLayer,
        retry: &RetryLayer,
        trace_attempt: &TraceAttemptLayer,
        limit: ConcurrencyLimitGate,
        endpoints: S,
    ) -> M::Service
    where
        M: Layer<UpstreamStack<S, ConcurrencyLimitGate>>,
    {
        // Outside the retry: one copy for each request, whatever the number of its attempts.
        mirrors.layer(super::upstream(
            timeout,
            retry,
            trace_attempt,
            // The limit belongs to the cluster, so that all routes to it share it.
            limit,
            endpoints,
        ))
    }

    /// Returns the timeout of a workload's server: none of its own, and the deadline of the caller, unless it
    /// behaves as a sidecar, which does not know how long the caller of its workload waits.
    pub(in crate::mesh) fn server_timeout(envoy_behaviour: bool) -> TimeoutPolicy {
        TimeoutPolicy::default().with_incoming(!envoy_behaviour)
    }

    /// Puts the inbound layers of a gateway around its routes, inside its edge and the check of tokens.
    pub(in crate::mesh) fn gateway<G, S>(
        trace: &TracePolicy,
        emitter: Emitter,
        gates: G,
        routes: S,
    ) -> TracedGate<S, G> {
        // Outside the gates, so that rejections have a span too.
        TraceServerLayer::forwarding(trace.clone(), emitter).gated(routes, gates)
    }
}
