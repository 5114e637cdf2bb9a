//! Several gates before one service behave as a layer for each of them.

mod scripted;

use std::fmt::Write;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body;
use meshless::gate::{GateChain, Queued};
use proptest::prelude::*;
use proptest::sample::select;
use tower::Service;

use scripted::{Answer, Letters, Log, Scripted, Server, Then, Will, note};

/// When the caller goes away: after so many polls, after the head, or never.
#[derive(Clone, Copy, Debug)]
enum Patience {
    Polls(u8),
    Head,
    Body,
}

/// Makes a call and returns what the caller saw.
fn drive<S, R>(mut service: S, patience: Patience, log: &Log) -> String
where
    S: Service<Request<()>, Response = Response<R>, Error = io::Error>,
    R: Body<Data = bytes::Bytes, Error = io::Error>,
{
    let cx = &mut Context::from_waker(Waker::noop());
    let seen = catch_unwind(AssertUnwindSafe(|| {
        assert!(service.poll_ready(cx).is_ready());
        let mut future = Box::pin(service.call(Request::new(())));
        let polls = match patience {
            Patience::Polls(polls) => polls,
            Patience::Head | Patience::Body => u8::MAX,
        };
        let done = (0..polls).find_map(|_| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        });
        drop(future);
        note(log, '.', "the future is gone");
        let response = match done {
            None => return "nothing".to_owned(),
            Some(Err(error)) => return error.to_string(),
            Some(Ok(response)) => response,
        };
        let (head, body) = response.into_parts();
        let mut names: Vec<_> = head.headers.keys().map(ToString::to_string).collect();
        names.sort();
        let letters: Option<&Letters> = head.extensions.get();
        let mut seen = format!("{} {names:?} {letters:?}", head.status);
        if matches!(patience, Patience::Body) {
            let mut body = Box::pin(body);
            while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(cx) {
                let hint = (body.is_end_stream(), body.size_hint().exact());
                let frame = frame.map(|frame| frame.into_data().ok());
                write!(seen, " {frame:?} {hint:?}").unwrap();
            }
            note(log, '.', "the body is read");
        }
        seen
    }));
    seen.unwrap_or_else(|_| "a panic".to_owned())
}

/// What the caller saw; what came to each gate, in its order; and in which order all were asked and let go.
fn observed(seen: String, log: &Log) -> (String, Vec<Vec<String>>, Vec<(char, String)>) {
    let log = std::mem::take(&mut *log.lock().unwrap());
    let of = |name| {
        let own = log.iter().filter(|(who, _)| *who == name);
        own.map(|(_, what)| what.clone()).collect()
    };
    let each = ['a', 'b', 'c', '-'].map(of).to_vec();
    let marks = ["\"asked\"", "\"called\"", "\"end\""];
    let order = log
        .iter()
        .filter(|(_, what)| marks.contains(&what.as_str()));
    (seen, each, order.cloned().collect())
}

fn wills() -> impl Strategy<Value = Will> {
    let then = select(vec![Then::Admit, Then::Admit, Then::Panic, Then::Reject]);
    prop_oneof![
        6 => any::<bool>().prop_map(|hears| Will::Admit { hears }),
        1 => Just(Will::Reject),
        1 => Just(Will::Panic),
        2 => (0_u8..3, then).prop_map(|(polls, then)| Will::Wait { polls, then }),
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        select(vec![200, 404, 500, 503]).prop_map(Answer::Status),
        any::<(bool, bool)>().prop_map(|(in_head, ends)| Answer::Grpc { in_head, ends }),
        select(vec![Answer::Broken, Answer::Error, Answer::Panic]),
    ]
}

fn patience() -> impl Strategy<Value = Patience> {
    prop_oneof![
        1 => (0_u8..4).prop_map(Patience::Polls),
        1 => Just(Patience::Head),
        2 => Just(Patience::Body),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn three_gates_in_one_behave_as_three_layers(
        wills in [wills(), wills(), wills()],
        answer in answers(),
        polls in 0_u8..3,
        patience in patience(),
    ) {
        let log = Log::default();
        let gate = |at: usize| Scripted {
            log: Arc::clone(&log),
            name: ['a', 'b', 'c'][at],
            will: wills[at],
        };
        let server = || Server { answer, log: Arc::clone(&log), polls };
        let (a, b, c) = (|| gate(0), || gate(1), || gate(2));

        let layers = Queued::new(Queued::new(Queued::new(server(), c()), b()), a());
        let expected = observed(drive(layers, patience, &log), &log);

        let inwards = Queued::new(server(), GateChain::new(a(), GateChain::new(b(), c())));
        prop_assert_eq!(&observed(drive(inwards, patience, &log), &log), &expected);

        let outwards = Queued::new(server(), Arc::new(GateChain::new(GateChain::new(a(), b()), c())));
        prop_assert_eq!(&observed(drive(outwards, patience, &log), &log), &expected);
    }
}
