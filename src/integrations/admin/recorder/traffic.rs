use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::latency::Latencies;
use crate::foundation::events::Completion;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Failure, Outcome, Source};

/// Length of a slot, a part of the last minute.
const SLOT: Duration = Duration::from_secs(10);
/// Number of slots.
const SLOTS: usize = 6;
/// Maximum number of sources; requests of others are not shown.
const MAX_SOURCES: usize = 1_024;
/// Maximum number of endpoints; with one more their counts start again.
const MAX_ENDPOINTS: usize = 16_384;

/// Requests and attempts that ended.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    endpoints: HashMap<u64, EndpointCounts>,
    sources: HashMap<Arc<Source>, VecDeque<Slot>>,
}

/// Requests of ten seconds.
#[derive(Debug)]
struct Slot {
    began: Instant,
    counts: Counts,
    latencies: Latencies,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    abandoned: u64,
    client_errors: u64,
    errors: u64,
    rejected: u64,
    requests: u64,
    retries: u64,
}

/// Requests of the last minute that one source handled.
#[derive(Clone, Debug, Default)]
pub(in crate::integrations::admin) struct EdgeTraffic {
    counts: Counts,
    latencies: Latencies,
    /// Seconds that the counts cover.
    seconds: f64,
}

/// Attempts at one endpoint so far, as Envoy counts them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::integrations::admin) struct EndpointCounts {
    pub(in crate::integrations::admin) error: u64,
    pub(in crate::integrations::admin) success: u64,
    pub(in crate::integrations::admin) timeout: u64,
    pub(in crate::integrations::admin) total: u64,
}

impl Traffic {
    pub(super) fn request(&mut self, source: &Arc<Source>, done: &Completion, now: Instant) {
        if let Some(slots) = self.sources.get_mut(source) {
            return slot(slots, now).add(done);
        }
        if self.sources.len() >= MAX_SOURCES {
            self.sources.retain(|_, slots| {
                let last = slots.back().map(|slot| slot.began);
                last.is_some_and(|last| now.saturating_duration_since(last) < SLOT * 6)
            });
        }
        if self.sources.len() < MAX_SOURCES {
            let slots = self.sources.entry(Arc::clone(source)).or_default();
            slot(slots, now).add(done);
        }
    }

    pub(super) fn attempt(&mut self, done: &Completion) {
        let Some(endpoint) = &done.endpoint else {
            return;
        };
        if self.endpoints.len() >= MAX_ENDPOINTS && !self.endpoints.contains_key(&endpoint.id()) {
            self.endpoints.clear();
        }
        let counts = self.endpoints.entry(endpoint.id()).or_default();
        counts.total += 1;
        match done.outcome {
            Outcome::Abandoned | Outcome::Rejected => {}
            Outcome::Failed(Failure::Timeout) => {
                counts.timeout += 1;
                counts.error += 1;
            }
            _ if is_error(done) => counts.error += 1,
            _ => counts.success += 1,
        }
    }

    pub(super) fn edges(&self, now: Instant) -> Vec<(Arc<Source>, EdgeTraffic)> {
        let edges = self.sources.iter().filter_map(|(source, slots)| {
            let mut traffic = EdgeTraffic::default();
            for slot in slots.iter().filter(|slot| slot.age(now) < SLOT * 6) {
                traffic.counts.merge(slot.counts);
                traffic.latencies.merge(&slot.latencies);
                traffic.seconds = traffic.seconds.max(slot.age(now).as_secs_f64());
            }
            // A second at least, so that the first request is no storm.
            traffic.seconds = traffic.seconds.max(1.0);
            (traffic.counts.requests > 0).then(|| (Arc::clone(source), traffic))
        });
        edges.collect()
    }

    pub(super) fn endpoints(&self) -> HashMap<u64, EndpointCounts> {
        self.endpoints.clone()
    }
}

impl Slot {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    fn add(&mut self, done: &Completion) {
        let counts = &mut self.counts;
        counts.requests += 1;
        counts.retries += u64::from(done.retries);
        match done.outcome {
            Outcome::Abandoned => counts.abandoned += 1,
            Outcome::Rejected => counts.rejected += 1,
            _ if done.rejection.is_some() => counts.rejected += 1,
            _ if is_error(done) => counts.errors += 1,
            _ if done.status.is_some_and(|status| status.is_client_error()) => {
                counts.client_errors += 1;
            }
            _ => {}
        }
        self.latencies.add(done.duration);
    }
}

impl Counts {
    const fn merge(&mut self, other: Self) {
        self.abandoned += other.abandoned;
        self.client_errors += other.client_errors;
        self.errors += other.errors;
        self.rejected += other.rejected;
        self.requests += other.requests;
        self.retries += other.retries;
    }
}

impl EdgeTraffic {
    /// Adds the requests of another source that belong to the same edge.
    pub(in crate::integrations::admin) fn merge(&mut self, other: &Self) {
        self.counts.merge(other.counts);
        self.latencies.merge(&other.latencies);
        self.seconds = self.seconds.max(other.seconds);
    }

    pub(in crate::integrations::admin) const fn requests(&self) -> u64 {
        self.counts.requests
    }

    pub(in crate::integrations::admin) const fn errors(&self) -> u64 {
        self.counts.errors
    }

    pub(in crate::integrations::admin) const fn client_errors(&self) -> u64 {
        self.counts.client_errors
    }

    pub(in crate::integrations::admin) const fn rejected(&self) -> u64 {
        self.counts.rejected
    }

    pub(in crate::integrations::admin) const fn abandoned(&self) -> u64 {
        self.counts.abandoned
    }

    pub(in crate::integrations::admin) const fn retries(&self) -> u64 {
        self.counts.retries
    }

    /// Returns the requests per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the number of requests of a minute is exact in a float"
    )]
    pub(in crate::integrations::admin) fn rate(&self) -> f64 {
        self.counts.requests as f64 / self.seconds.max(1.0)
    }

    /// Returns a percentile of the latencies in milliseconds; `thousandths` is 500 for the median.
    pub(in crate::integrations::admin) fn millis(&self, thousandths: u64) -> Option<f64> {
        let latency = self.latencies.percentile(thousandths)?;
        Some((latency.as_secs_f64() * 10_000.0).round() / 10.0)
    }
}

/// Returns the slot of the present, and forgets those of more than a minute ago.
fn slot(slots: &mut VecDeque<Slot>, now: Instant) -> &mut Slot {
    let is_old = |last: &Slot| last.age(now) >= SLOT;
    if slots.back().is_none_or(is_old) {
        if slots.len() >= SLOTS {
            slots.pop_front();
        }
        slots.push_back(Slot {
            began: now,
            counts: Counts::default(),
            latencies: Latencies::default(),
        });
    }
    let last = slots.len() - 1;
    &mut slots[last]
}

/// Returns true for a failure of the upstream.
fn is_error(done: &Completion) -> bool {
    match done.outcome {
        Outcome::Failed(_) => true,
        Outcome::Grpc(status) => status != GrpcStatus::OK,
        _ => done.status.is_some_and(|status| status.is_server_error()),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::foundation::outcome::ResponseFlags;

    fn done(status: u16, millis: u64) -> Completion {
        let status = StatusCode::from_u16(status).unwrap();
        Completion {
            authority: None,
            duration: Duration::from_millis(millis),
            endpoint: None,
            flags: ResponseFlags::default(),
            is_grpc: false,
            is_served: false,
            outcome: Outcome::Status(status),
            peer: None,
            rejection: None,
            request_bytes: 0,
            response_bytes: 0,
            response_messages: 0,
            retries: 1,
            status: Some(status),
            trace_id: None,
        }
    }

    #[test]
    fn the_last_minute_is_counted_and_older_requests_are_not() {
        let (mut traffic, source) = (Traffic::default(), Arc::default());
        let start = crate::foundation::time::clock::now();
        for second in 0..120 {
            let now = start + Duration::from_secs(second);
            traffic.request(
                &source,
                &done(if second % 2 == 0 { 500 } else { 200 }, 20),
                now,
            );
        }
        let edges = traffic.edges(start + Duration::from_secs(119));
        let [(_, edge)] = &edges[..] else {
            panic!("one edge");
        };
        assert_eq!(
            (edge.requests(), edge.errors(), edge.retries()),
            (60, 30, 60)
        );
        assert!((0.9..1.1).contains(&edge.rate()), "{}", edge.rate());
        assert!((20.0..25.1).contains(&edge.millis(500).unwrap()));
        assert!(traffic.edges(start + Duration::from_secs(200)).is_empty());
    }

    #[test]
    fn sources_are_bounded_and_those_without_requests_make_room() {
        let mut traffic = Traffic::default();
        let start = crate::foundation::time::clock::now();
        let source = |n: usize| Arc::new(Source::default().with_host(format!("h{n}")));
        for n in 0..MAX_SOURCES + 10 {
            traffic.request(&source(n), &done(200, 1), start);
        }
        assert_eq!(traffic.sources.len(), MAX_SOURCES);
        let later = start + Duration::from_secs(61);
        traffic.request(&source(5_000), &done(200, 1), later);
        assert_eq!(traffic.sources.len(), 1);
    }
}
