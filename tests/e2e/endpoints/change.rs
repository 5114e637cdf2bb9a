//! Endpoints come and go, and so do clients.

use meshless::dns::{DnsPolicy, Resolver};

use super::*;
use crate::name_server::NameServer;

/// Two servers at the same port of two addresses, which answer with theirs.
async fn twins() -> (Good, Good) {
    loop {
        let one = Good::named("one", Duration::ZERO).await;
        let port = one.address().port();
        match TcpListener::bind(("127.0.0.2", port)).await {
            Ok(listener) => return (one, Good::on(listener, "two", Duration::ZERO)),
            Err(_) => one.stop().await,
        }
    }
}

#[tokio::test]
async fn a_name_that_moves_takes_new_requests_along_and_lets_old_ones_end() {
    for kind in KINDS {
        let (one, two) = twins().await;
        let names = NameServer::start().await;
        names.set("users.test", 0, ["127.0.0.1"]);
        let policy = DnsPolicy::default()
            .with_min_ttl(Duration::from_millis(5))
            .with_backoff(Backoff::constant(Duration::from_millis(5)));
        let resolver = Resolver::new(policy, [names.address()]).unwrap();
        let port = one.address().port();
        let (endpoints, following) = resolver.follow("users.test", port).unwrap();
        assert!(following.resolved_within(Duration::from_secs(10)).await);
        let stack = Stack::new(kind, endpoints.clone());
        assert_eq!(stack.get().await.text(), "one");

        // It comes back on another address while a request is at the old one.
        let old = endpoints.to_vec();
        let held = tokio::spawn(send(stack.call.clone(), Method::GET, "/held"));
        until(|| one.started() == 1).await;
        names.set("users.test", 0, ["127.0.0.2"]);
        until(|| endpoints.to_vec() != old).await;
        assert_eq!(stack.get().await.text(), "two");
        assert_eq!(old[0].in_flight(), 1);
        one.let_go(1);
        assert_eq!(held.await.unwrap().text(), "one");

        // It disappears altogether, and comes back.
        names.forget("users.test");
        until(|| endpoints.is_empty()).await;
        let nobody = End::Refused(Rejection::NoHealthyUpstream);
        assert_eq!(stack.get().await, nobody);
        names.set("users.test", 0, ["127.0.0.1"]);
        until(|| !endpoints.is_empty()).await;
        assert_eq!(stack.get().await.text(), "one");

        stack.assert_settled(&old).await;
        drop((following, resolver, stack));
        one.stop().await;
        two.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_drains_ends_what_it_has_and_others_take_what_is_new() {
    for kind in KINDS {
        let (one, two) = (Good::start().await, Good::start().await);
        let endpoints = Endpoints::fixed([one.address()]);
        let stack = Stack::new(kind, endpoints.clone());
        let mut held = JoinSet::new();
        for _ in 0..20 {
            held.spawn(send(stack.call.clone(), Method::GET, "/held"));
        }
        until(|| one.started() == 20).await;
        endpoints.update([one.address(), two.address()]);
        let release = Arc::clone(&one.held);
        let served = Arc::clone(&one.served);
        let draining = tokio::spawn(one.stop());
        // It accepts nobody any more, and whoever comes is sent to the other one.
        for _ in 0..40 {
            assert_eq!(stack.get().await.text(), "good");
        }
        release.add_permits(20);
        for end in held.join_all().await {
            assert_eq!(end.text(), "good");
        }
        draining.await.unwrap();
        assert_eq!(served.load(Ordering::SeqCst) + two.served(), 60);
        stack.assert_settled(&[]).await;
        drop(stack);
        two.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_is_dropped_leaves_nothing() {
    for kind in KINDS {
        let before = tasks();
        let good = Good::start().await;
        let stack = Stack::new(kind, Endpoints::fixed([good.address()]));
        let mut held = JoinSet::new();
        for _ in 0..50 {
            held.spawn(send(stack.call.clone(), Method::GET, "/held"));
        }
        until(|| good.started() == 50).await;
        held.shutdown().await;
        stack.assert_settled(&[]).await;
        drop(stack);
        good.stop().await;
        assert_no_tasks(before).await;
    }
}
