//! What a server saw of its requests: the only thing that the cases believe.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::scale;

/// How many requests a recorder remembers; `--serve` may run for long.
const MEMORY: usize = 20_000;

/// Remembers every request that reached a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    arrivals: VecDeque<Arrival>,
    forgotten: usize,
    in_flight: usize,
    most_in_flight: usize,
}

/// A request, as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) headers: HeaderMap,
    pub(crate) left: Option<Instant>,
    pub(crate) method: Method,
    pub(crate) status: Option<StatusCode>,
}

impl Arrival {
    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The time that the caller said it would wait.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let millis = self.header("x-envoy-expected-rq-timeout-ms")?;
        millis.parse().ok().map(Duration::from_millis)
    }

    /// How long it was on its way since [`stamp`].
    pub(crate) fn trip(&self) -> Option<Duration> {
        let sent = Duration::from_nanos(self.header(SENT)?.parse().ok()?);
        Some((self.at - scale::origin()).saturating_sub(sent))
    }
}

/// The header that says when a request was sent.
const SENT: &str = "x-sent-at";

/// Writes onto a request when it is sent, by this process's clock.
pub(crate) fn stamp<B>(mut request: Request<B>) -> Request<B> {
    let sent = (scale::now() - scale::origin()).as_nanos();
    let sent = HeaderValue::try_from(sent.to_string()).expect("digits are a header's value");
    request.headers_mut().insert(SENT, sent);
    request
}

impl Recorder {
    /// Takes note of a request; the visit lasts until what is returned is dropped.
    pub(crate) fn arrive<B>(&self, request: &Request<B>) -> Visit {
        let arrival = Arrival {
            at: scale::now(),
            headers: request.headers().clone(),
            left: None,
            method: request.method().clone(),
            status: None,
        };
        let mut book = self.book();
        if book.arrivals.len() == MEMORY {
            book.arrivals.pop_front();
            book.forgotten += 1;
        }
        book.arrivals.push_back(arrival);
        book.in_flight += 1;
        book.most_in_flight = book.most_in_flight.max(book.in_flight);
        Visit {
            number: book.forgotten + book.arrivals.len() - 1,
            recorder: self.clone(),
        }
    }

    /// Returns every request that arrived, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.book().arrivals.iter().cloned().collect()
    }

    /// How many requests arrived.
    pub(crate) fn count(&self) -> usize {
        self.book().arrivals.len()
    }

    /// How many requests arrived that `wanted` picks.
    pub(crate) fn count_of(&self, wanted: impl Fn(&Arrival) -> bool) -> usize {
        self.book().arrivals.iter().filter(|a| wanted(a)).count()
    }

    /// How many requests are being answered now, and how many were at once at the most.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let book = self.book();
        (book.in_flight, book.most_in_flight)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Visit {
    number: usize,
    recorder: Recorder,
}

impl Visit {
    /// Takes note of the status that is sent.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.edit(|arrival| arrival.status = Some(status));
    }

    fn edit(&self, edit: impl FnOnce(&mut Arrival)) {
        let mut book = self.recorder.book();
        let place = self.number.checked_sub(book.forgotten);
        if let Some(arrival) = place.and_then(|place| book.arrivals.get_mut(place)) {
            edit(arrival);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.edit(|arrival| arrival.left = Some(scale::now()));
        self.recorder.book().in_flight -= 1;
    }
}

/// Records the requests of an axum router: the middleware that the five services share.
pub(crate) async fn record(
    State(recorder): State<Recorder>,
    request: Request,
    next: Next,
) -> Response {
    let visit = recorder.arrive(&request);
    let response = next.run(request).await;
    visit.answered(response.status());
    response
}

/// Returns how many of `times` lie in any one window of this length, at the most.
///
/// The times are in order. A window is open at its end: two that lie exactly its length apart are
/// in no window together.
pub(crate) fn most_within(times: &[Instant], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while times[first] + window <= *time {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}
