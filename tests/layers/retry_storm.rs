//! A retry storm: an upstream that is loaded but well stalls for ten seconds, and its clients'
//! retries decide whether it ever comes back.
//!
//! The upstream is as plain as most: some workers, a queue in order of arrival, work that is dropped
//! when its caller hangs up. While more arrives than it can do, each request reaches a worker just
//! before its caller gives up, so that everything is begun and nothing is finished. Clients that try
//! again at once, for every failure, keep it there for good.
//!
//! The other half of the question: what callers lose while only a part of the endpoints fails.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Empty;
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::{Endpoint, Endpoints, Percent};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};
use tower::{Layer, Service, ServiceExt, service_fn};

/// The upstream: 5 workers of 100 ms are 50 requests a second.
const WORKERS: usize = 5;
const WORK: Duration = Duration::from_millis(100);
const CAPACITY: u64 = 50;
/// More arrivals than these are refused at the door.
const BACKLOG: usize = 150;
/// How long a caller waits for one try.
const PATIENCE: Duration = Duration::from_secs(1);

const STALL: std::ops::Range<u64> = 10..20;
const END: u64 = 50;
/// The last requests are alone with what is left, so their seconds do not count.
const SEEN: u64 = END - 5;

#[derive(Clone)]
struct Upstream {
    present: Arc<AtomicUsize>,
    stall: (Instant, Instant),
    workers: Arc<Semaphore>,
}

/// Somebody who waits in the queue, or is served.
struct Present(Arc<AtomicUsize>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Upstream {
    async fn serve(self) -> io::Result<Response<Empty<Bytes>>> {
        let present = self.present.fetch_add(1, Ordering::Relaxed);
        let _present = Present(Arc::clone(&self.present));
        if present >= BACKLOG {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let _worker = self.workers.acquire().await.unwrap();
        if (self.stall.0..self.stall.1).contains(&Instant::now()) {
            sleep_until(self.stall.1).await;
        }
        sleep(WORK).await;
        Ok(Response::new(Empty::new()))
    }
}

/// What became of the requests of one second: how many there were, and how many went well.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    requests: u32,
    well: u32,
}

/// Sends requests at a share of the capacity, and returns the seconds after the stall until 95 % of
/// them go well for good.
async fn run(policy: RetryPolicy, load_percent: u64) -> Option<u64> {
    let begin = Instant::now();
    let at = |second| begin + Duration::from_secs(second);
    let upstream = Upstream {
        present: Arc::default(),
        stall: (at(STALL.start), at(STALL.end)),
        workers: Arc::new(Semaphore::new(WORKERS)),
    };
    let service = RetryLayer::new(policy.with_per_try_timeout(PATIENCE))
        .with_seed(1)
        .layer(service_fn(move |_: Request<_>| upstream.clone().serve()));

    let seconds = Arc::new(Mutex::new(BTreeMap::<u64, Second>::new()));
    let gap = Duration::from_secs(100) / u32::try_from(CAPACITY * load_percent).unwrap();
    let mut next = begin;
    while next < at(END) {
        sleep_until(next).await;
        next += gap;
        tokio::spawn(send(service.clone(), begin, Arc::clone(&seconds)));
    }
    sleep(PATIENCE * 10).await;

    let seconds = seconds.lock().unwrap();
    let bad = |second: &Second| second.well * 100 < second.requests * 95;
    assert!(
        !seconds
            .range(..STALL.start - 1)
            .any(|(_, second)| bad(second)),
        "well at first"
    );
    let last_bad = seconds.range(..SEEN).rev().find(|(_, second)| bad(second));
    let (last_bad, _) = last_bad.expect("the stall is felt");
    let well_again = (last_bad + 1).saturating_sub(STALL.end);
    (last_bad + 1 < SEEN).then_some(well_again)
}

async fn send<S, B>(service: S, begin: Instant, seconds: Arc<Mutex<BTreeMap<u64, Second>>>)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>>,
    B: Body,
{
    let second = begin.elapsed().as_secs();
    let result = service.oneshot(Request::new(Empty::new())).await;
    let well = result.is_ok_and(|response| response.status().is_success());
    let mut seconds = seconds.lock().unwrap();
    let second = seconds.entry(second).or_default();
    second.requests += 1;
    second.well += u32::from(well);
}

/// What everybody writes first: three more times, at once, whatever happened.
fn naive() -> RetryPolicy {
    RetryPolicy::new(3)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_budget(RetryBudget::unlimited())
}

/// As eager as the naive one, timeouts included, but with our budget and our backoff.
fn eager() -> RetryPolicy {
    RetryPolicy::new(3).with_retry_on(RetryOn::parse("5xx").unwrap())
}

#[tokio::test(start_paused = true)]
async fn naive_retries_keep_a_stalled_upstream_down_and_ours_do_not() {
    let unpaid = eager().with_budget(RetryBudget::unlimited());
    let tenth = RetryBudget::share(Percent::new(10));
    // 20 % more than 90 % is more than all: whoever repeats timeouts there needs a smaller budget.
    // By default timeouts are not repeated.
    let rows = [
        ("3 retries, at once, no budget", naive(), [false, false]),
        (
            "3 retries on 5xx, backoff, no budget",
            unpaid,
            [false, false],
        ),
        ("the default policy", RetryPolicy::default(), [true, true]),
        (
            "3 retries on 5xx, default budget (20 %)",
            eager(),
            [true, false],
        ),
        (
            "3 retries on 5xx, budget of 10 %",
            eager().with_budget(tenth),
            [true, true],
        ),
    ];
    let stall = Duration::from_secs(STALL.end - STALL.start);
    println!(
        "{CAPACITY} requests/s ({WORKERS} workers, {WORK:?} each), backlog {BACKLOG}, \
         {PATIENCE:?} a try, stall of {stall:?}",
    );
    println!(
        "{:<42}{:>12}{:>12}",
        "well again after", "80 % load", "90 % load"
    );
    for (name, policy, expected) in rows {
        let after = [run(policy.clone(), 80).await, run(policy, 90).await];
        let told = after.map(|s| s.map_or_else(|| "never".into(), |s| format!("{s} s")));
        println!("{name:<42}{:>12}{:>12}", told[0], told[1]);
        for (after, well_again) in after.into_iter().zip(expected) {
            assert_eq!(
                after.is_some_and(|after| after <= 5),
                well_again,
                "{name}: {after:?}"
            );
            assert_eq!(after.is_some(), well_again, "{name}: {after:?}");
        }
    }
}

/// How an endpoint answers, after a hundredth of a second.
#[derive(Clone, Copy, Debug)]
enum Answers {
    /// Its port is closed: refused at once.
    Dead,
    Unavailable,
    Well,
}

use Answers::{Dead, Unavailable, Well};

/// What callers saw of a fleet, and what the fleet saw of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    attempts: usize,
    lost: usize,
    requests: usize,
}

impl Seen {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn attempts_a_request(self) -> f64 {
        self.attempts as f64 / self.requests as f64
    }
}

/// Has so many callers send a hundred requests each, one after the other, through one client.
async fn call_fleet(policy: RetryPolicy, fleet: &'static [Answers], callers: usize) -> Seen {
    let endpoints = (0..fleet.len()).map(|n| Endpoint::try_from(&*format!("10.0.0.{n}:80")));
    let endpoints = Endpoints::fixed(endpoints.map(Result::unwrap));
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let transport = service_fn(move |request: Request<_>| {
        counter.fetch_add(1, Ordering::Relaxed);
        let number = request.uri().host().unwrap().rsplit('.').next().unwrap();
        let answers = fleet[number.parse::<usize>().unwrap()];
        async move {
            let mut response = Response::new(Empty::<Bytes>::new());
            match answers {
                Dead => return Err(io::Error::from(ErrorKind::ConnectionRefused)),
                Unavailable => *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE,
                Well => {}
            }
            sleep(Duration::from_millis(10)).await;
            Ok(response)
        }
    });
    let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints).with_seed(1);
    let service = RetryLayer::new(policy)
        .with_seed(1)
        .layer(balance.layer(transport));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let service = service.clone();
        tasks.spawn(async move {
            let mut lost = 0;
            for _ in 0..100 {
                let request = Request::get("http://fleet/").body(Empty::<Bytes>::new());
                let result = service.clone().oneshot(request.unwrap()).await;
                lost += usize::from(!result.is_ok_and(|response| response.status().is_success()));
            }
            lost
        });
    }
    let lost = tasks.join_all().await.into_iter().sum();
    Seen {
        attempts: attempts.load(Ordering::Relaxed),
        lost,
        requests: callers * 100,
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_loses_nothing_and_a_whole_that_fails_gets_no_storm() {
    let fleets: [(&str, &[Answers], usize); 10] = [
        ("one of two dead", &[Dead, Well], 10),
        ("one of two dead, 100 callers", &[Dead, Well], 100),
        ("one of two always 503", &[Unavailable, Well], 10),
        ("one of three gone", &[Dead, Well, Well], 10),
        ("two of four dead", &[Dead, Dead, Well, Well], 10),
        (
            "two of four always 503",
            &[Unavailable, Unavailable, Well, Well],
            10,
        ),
        ("two of three dead", &[Dead, Dead, Well], 10),
        (
            "one dead, one 503, one well",
            &[Dead, Unavailable, Well],
            10,
        ),
        ("all dead", &[Dead, Dead], 10),
        ("all always 503", &[Unavailable, Unavailable], 10),
    ];
    println!(
        "{:<32}{:>22}{:>22}",
        "lost, attempts a request", "no budget", "default budget"
    );
    for (name, fleet, callers) in fleets {
        let policy = RetryPolicy::new(2).with_retry_on(RetryOn::parse("5xx").unwrap());
        let unpaid = policy.clone().with_budget(RetryBudget::unlimited());
        let unpaid = call_fleet(unpaid, fleet, callers).await;
        let ours = call_fleet(policy, fleet, callers).await;
        let told = [unpaid, ours].map(|seen| {
            let Seen { lost, requests, .. } = seen;
            format!("{lost} of {requests}, {:.2}", seen.attempts_a_request())
        });
        println!("{name:<32}{:>22}{:>22}", told[0], told[1]);
        if fleet.iter().any(|answers| matches!(answers, Well)) {
            assert_eq!((unpaid.lost, ours.lost), (0, 0), "{name}");
        } else {
            assert!(unpaid.attempts_a_request() > 2.9, "{name}");
            assert!(ours.attempts_a_request() <= 1.25, "{name}: {ours:?}");
        }
    }
}
