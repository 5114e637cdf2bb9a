//! Many requests at once: each has one end, and the ends add up.

use super::*;
use crate::bad::{Bad, Manner};

#[derive(Debug, Default)]
struct Ends {
    answered: usize,
    broken: usize,
    errors: usize,
    failed: usize,
    refused: usize,
}

impl Ends {
    fn count(&mut self, end: &End) {
        *match end {
            End::Answered(StatusCode::OK, _) => &mut self.answered,
            End::Answered(..) => &mut self.errors,
            End::Broken => &mut self.broken,
            End::Failed => &mut self.failed,
            End::Refused(_) => &mut self.refused,
        } += 1;
    }
}

/// Sends requests from so many callers, each one after the other; `meanwhile` is called now and then.
async fn storm(stack: &Stack, callers: usize, each: usize, meanwhile: impl Fn(usize)) -> Ends {
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let call = stack.call.clone();
        running.spawn(async move {
            let mut ends = Vec::new();
            for _ in 0..each {
                ends.push(send(call.clone(), Method::GET, "/").await);
            }
            ends
        });
    }
    let mut ends = Ends::default();
    let mut round = 0;
    loop {
        tokio::select! {
            joined = running.join_next() => match joined {
                Some(all) => all.unwrap().iter().for_each(|end| ends.count(end)),
                None => return ends,
            },
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                meanwhile(round);
                round += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_good_and_bad_endpoints_every_request_has_one_end_and_nothing_is_left() {
    for kind in KINDS {
        let before = tasks();
        let good = [
            Good::start().await,
            Good::named("slow", Duration::from_millis(5)).await,
        ];
        let manners = [
            Manner::Hangs,
            Manner::ResetsMidBody,
            Manner::ClosesWhenReused,
        ];
        let mut bad = Vec::new();
        for manner in manners {
            bad.push(Bad::start(manner).await);
        }
        let mut all: Vec<_> = good.iter().map(Good::address).collect();
        all.extend(bad.iter().map(Bad::address));
        all.push(nobody().await);
        let stack = Stack::new(kind, Endpoints::fixed(all));
        let ends = storm(&stack, 200, 10, |_| ()).await;
        let sum = ends.answered + ends.broken + ends.errors + ends.failed + ends.refused;
        assert_eq!(sum, 2_000, "{ends:?}");
        // Each answer was given by somebody. More are given than received on a machine so busy that a
        // good server takes longer than a try may.
        let served: usize = good.iter().map(Good::served).sum();
        let given = served + bad[2].arrived("GET");
        assert!(
            0 < ends.answered && ends.answered <= given,
            "{ends:?}, {given}"
        );
        assert!(ends.broken <= bad[1].arrived("GET"), "{ends:?}");
        stack.assert_settled(&[]).await;
        drop(stack);
        for server in good {
            server.stop().await;
        }
        for server in bad {
            server.stop().await;
        }
        assert_no_tasks(before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_come_and_go_fail_no_request() {
    for kind in KINDS {
        let before = tasks();
        let good = [
            Good::start().await,
            Good::named("good", Duration::from_millis(3)).await,
            Good::start().await,
        ];
        let addresses: Vec<_> = good.iter().map(Good::address).collect();
        let endpoints = Endpoints::fixed(addresses.clone());
        let gone = endpoints.to_vec();
        let stack = Stack::new(kind, endpoints.clone());
        let rounds = AtomicUsize::new(0);
        let ends = storm(&stack, 100, 20, |round| {
            // Each of them alone, and each pair.
            let some = (0..3).filter(|n| (round % 6 + 1) & (1 << n) != 0);
            endpoints.update(some.map(|n| addresses[n]));
            rounds.fetch_add(1, Ordering::Relaxed);
        })
        .await;
        assert_eq!(ends.answered, 2_000, "{ends:?}");
        let served: usize = good.iter().map(Good::served).sum();
        assert_eq!(served, 2_000, "nothing is sent twice");
        assert!(rounds.into_inner() > 5);
        stack.assert_settled(&gone).await;
        drop(stack);
        for server in good {
            server.stop().await;
        }
        assert_no_tasks(before).await;
    }
}
