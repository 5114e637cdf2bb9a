//! The slowest request while changes are applied.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use meshless::Mesh;
use meshless::mesh::RequestBody;
use tower_service::Service;

use crate::clock;
use crate::documents::Set;

type Body = Empty<Bytes>;

const CHANGES: u32 = 10;
/// Most calls that are counted.
const MOST: usize = 8 << 20;

/// Transport that answers at once.
#[derive(Clone)]
struct Answers;

impl Service<Request<RequestBody<Body>>> for Answers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody<Body>>) -> Self::Future {
        ready(Ok(Response::new(Body::new())))
    }
}

/// Calls all hosts in turn on one thread while another applies changes, and prints the slowest calls; beside it, the
/// same without changes, which shows the pauses that the machine itself makes.
pub fn slowest(set: Set) {
    let mesh = Mesh::from_yaml(&set.yaml(10)).expect("good documents");
    let service = mesh.workload("caller", "default").outbound(Answers);
    let uris: Vec<_> = (0..set.hosts())
        .map(|host| format!("http://service-{host}.internal/"))
        .collect();
    let call = |host: usize| {
        let request = Request::get(&uris[host % uris.len()])
            .body(Body::new())
            .expect("a good request");
        let mut service = service.clone();
        let (start, cpu) = (Instant::now(), clock::of_thread());
        let response = {
            let future = pin!(service.call(request));
            match future.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(response)) => response,
                other => panic!("no answer: {:?}", other.is_ready()),
            }
        };
        assert!(response.status().is_success());
        drop(response);
        (start.elapsed(), clock::of_thread() - cpu)
    };
    // Each host has its stack, as in a process that has run for a while.
    for host in 0..uris.len() {
        call(host);
    }
    let texts: Vec<_> = (0..CHANGES).map(|n| set.yaml(11 + n)).collect();
    for (name, changes) in [
        ("without a change", false),
        ("while changes are applied", true),
    ] {
        let end = AtomicBool::new(false);
        let (mut wall, mut cpu) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
        thread::scope(|scope| {
            scope.spawn(|| {
                for text in &texts {
                    if changes {
                        mesh.apply(text).expect("good documents");
                    }
                    thread::sleep(Duration::from_millis(300));
                }
                end.store(true, Ordering::Relaxed);
            });
            let mut host = 0;
            while !end.load(Ordering::Relaxed) && wall.len() < MOST {
                let times = call(host);
                wall.push(times.0);
                cpu.push(times.1);
                host += 7;
            }
        });
        print_times(name, "time", wall);
        print_times(name, "processor", cpu);
    }
}

fn print_times(name: &str, of: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{} requests {name}, {of}: {:.1} µs in the median, {:.1} at p99.9, {:.0} at most; {} over 1 ms",
        times.len(),
        at(0.5),
        at(0.999),
        at(1.0),
        times.iter().filter(|time| time.as_millis() > 0).count(),
    );
}
