use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use meshless::events::EventKind;
use meshless::jwt::{
    Jwks, JwksError, JwksPolicy, JwksSource, JwksUriError, JwtLayer, JwtPolicy, JwtRule,
};
use meshless::testing::RecordingObserver;
use serde_json::json;
use tokio::time::{Instant, advance, sleep};
use tower::service_fn;

use super::support::{bearer, jwks, send, signed};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const UNKNOWN: &str = "Jwks doesn't have key to match kid or alg from Jwt";

/// An issuer whose answers the test decides.
#[derive(Clone)]
struct Issuer(Arc<State>);

struct State {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    paths: Mutex<Vec<String>>,
}

#[derive(Clone)]
enum Answer {
    Away,
    Json(String),
    Slow(String),
    Status(StatusCode),
}

impl Issuer {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(State {
            answer: Mutex::new(answer),
            fetches: AtomicUsize::new(0),
            paths: Mutex::default(),
        }))
    }

    fn set(&self, answer: Answer) {
        *self.0.answer.lock().unwrap() = answer;
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::Relaxed)
    }

    async fn answer(self, request: Request<Empty<Bytes>>) -> io::Result<Response<Full<Bytes>>> {
        self.0.fetches.fetch_add(1, Ordering::Relaxed);
        self.0.paths.lock().unwrap().push(request.uri().to_string());
        let answer = self.0.answer.lock().unwrap().clone();
        let (status, text) = match answer {
            Answer::Away => return Err(io::ErrorKind::ConnectionRefused.into()),
            Answer::Json(text) => (StatusCode::OK, text),
            Answer::Slow(text) => {
                sleep(SECOND).await;
                (StatusCode::OK, text)
            }
            Answer::Status(status) => (status, jwks("a")),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        Ok(response)
    }

    fn source(&self) -> JwksSource {
        let issuer = self.clone();
        let service = service_fn(move |request| issuer.clone().answer(request));
        JwksSource::new("http://issuer/keys", JwksPolicy::default(), service).unwrap()
    }

    fn layer(&self) -> JwtLayer {
        JwtLayer::new(JwtPolicy::new([JwtRule::new("i", self.source())]))
    }
}

fn by(kid: &str) -> Request<()> {
    bearer(&signed(kid, &json!({"iss": "i", "sub": "s"})))
}

async fn status(layer: &JwtLayer, kid: &str) -> u16 {
    send(layer, by(kid)).await.status
}

#[tokio::test(start_paused = true)]
async fn the_first_requests_wait_for_one_fetch() {
    let issuer = Issuer::new(Answer::Slow(jwks("a")));
    let layer = issuer.layer();
    let begin = Instant::now();
    let all = join_all((0..50).map(|_| status(&layer, "a"))).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!(begin.elapsed(), SECOND);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_token_fetches_nothing() {
    let issuer = Issuer::new(Answer::Away);
    assert_eq!(send(&issuer.layer(), Request::new(())).await.status, 200);
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_known_with_the_first_token_that_it_signs() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    assert_eq!(status(&layer, "a").await, 200);
    advance(31 * SECOND).await;
    issuer.set(Answer::Json(jwks("b")));
    assert_eq!(status(&layer, "b").await, 200);
    assert_eq!(issuer.fetches(), 2);
    // The token of the old key is remembered by the old keys alone.
    assert_eq!(send(&layer, by("a")).await.body, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_made_up_keys_cause_one_fetch_in_30_seconds() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    assert_eq!(status(&layer, "a").await, 200);
    for second in 1..=120 {
        advance(SECOND).await;
        let kid = format!("made-up-{second}");
        let all = join_all((0..10).map(|_| send(&layer, by(&kid)))).await;
        assert!(all.iter().all(|answer| answer.body == UNKNOWN));
    }
    assert_eq!(issuer.fetches(), 1 + 4);
}

#[tokio::test(start_paused = true)]
async fn the_last_keys_hold_through_an_outage_up_to_their_maximum_age() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let observer = Arc::new(RecordingObserver::default());
    let source = issuer
        .source()
        .with_observer(Arc::<RecordingObserver>::clone(&observer));
    let layer = JwtLayer::new(JwtPolicy::new([JwtRule::new("i", source.clone())]));
    assert_eq!(status(&layer, "a").await, 200);
    issuer.set(Answer::Away);
    for _ in 0..23 {
        sleep(HOUR).await;
        assert_eq!(status(&layer, "a").await, 200);
    }
    observer.assert_any(|event| {
        matches!(event.kind(), EventKind::JwksUnavailable { kept: Some(_), uri, .. } if &**uri == "http://issuer/keys")
    });
    assert!(source.age().unwrap() > 22 * HOUR);
    sleep(2 * HOUR).await;
    let answer = send(&layer, by("a")).await;
    assert_eq!(
        (answer.status, &*answer.body),
        (401, "Jwks remote fetch is failed")
    );
    assert!(source.keys().is_none());
    observer
        .assert_any(|event| matches!(event.kind(), EventKind::JwksUnavailable { kept: None, .. }));
    issuer.set(Answer::Json(jwks("a")));
    sleep(31 * SECOND).await;
    assert_eq!(status(&layer, "a").await, 200);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_comes_back_with_other_keys_refuses_no_good_token() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    assert_eq!(status(&layer, "a").await, 200);
    issuer.set(Answer::Away);
    sleep(60 * SECOND).await;
    // Tokens of made-up keys keep it busy meanwhile: a fetch each second at most.
    let before = issuer.fetches();
    let begin = Instant::now();
    for _ in 0..40 {
        assert_eq!(send(&layer, by("made-up")).await.body, UNKNOWN);
        assert_eq!(status(&layer, "a").await, 200);
        sleep(SECOND / 4).await;
    }
    let seconds = usize::try_from(begin.elapsed().as_secs()).unwrap();
    assert!(issuer.fetches() - before <= seconds + 1);
    issuer.set(Answer::Json(jwks("b")));
    let begin = Instant::now();
    assert_eq!(status(&layer, "b").await, 200);
    assert!(begin.elapsed() <= SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_forged_token_of_a_known_key_causes_no_fetch() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    assert_eq!(status(&layer, "a").await, 200);
    advance(31 * SECOND).await;
    let good = signed("a", &json!({"iss": "i", "sub": "s"}));
    let other = signed("a", &json!({"iss": "i", "sub": "root"}));
    let (claims, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let answer = send(&layer, bearer(&format!("{claims}.{signature}"))).await;
    assert_eq!(answer.body, "Jwt verification fails");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_again_after_20_minutes_and_never_without_a_source() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    assert_eq!(status(&layer, "a").await, 200);
    issuer.set(Answer::Json(jwks("b")));
    sleep(1_201 * SECOND).await;
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(send(&layer, by("a")).await.body, UNKNOWN);
    assert_eq!(status(&layer, "b").await, 200);
    drop(layer);
    sleep(HOUR).await;
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_useless_answer_is_no_key_and_replaces_none() {
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(2 << 20));
    for answer in [
        Answer::Away,
        Answer::Json("{\"keys\":[]}".to_owned()),
        Answer::Json("<html>".to_owned()),
        Answer::Json(large),
        Answer::Status(StatusCode::FOUND),
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let issuer = Issuer::new(answer.clone());
        let answered = send(&issuer.layer(), by("a")).await;
        assert_eq!(answered.body, "Jwks remote fetch is failed");
        issuer.set(Answer::Json(jwks("a")));
        let layer = issuer.layer();
        assert_eq!(status(&layer, "a").await, 200);
        issuer.set(answer);
        sleep(HOUR).await;
        assert_eq!(status(&layer, "a").await, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_without_an_answer_is_waited_for_5_seconds() {
    let service = service_fn(|_: Request<Empty<Bytes>>| {
        std::future::pending::<io::Result<Response<Full<Bytes>>>>()
    });
    let source = JwksSource::new("http://issuer/keys", JwksPolicy::default(), service).unwrap();
    let layer = JwtLayer::new(JwtPolicy::new([JwtRule::new("i", source)]));
    let begin = Instant::now();
    assert_eq!(status(&layer, "a").await, 401);
    assert_eq!(begin.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_while_it_waits_leaves_the_fetch_to_others() {
    let issuer = Issuer::new(Answer::Slow(jwks("a")));
    let layer = issuer.layer();
    let dropped = tokio::time::timeout(SECOND / 2, status(&layer, "a")).await;
    assert!(dropped.is_err());
    assert_eq!(status(&layer, "a").await, 200);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_is_discovered_by_its_description() {
    let issuer = Issuer::new(Answer::Away);
    let of = issuer.clone();
    let service = service_fn(move |request: Request<Empty<Bytes>>| {
        let path = request.uri().path().to_owned();
        let of = of.clone();
        async move {
            of.set(Answer::Json(match &*path {
                "/realm/.well-known/openid-configuration" => {
                    json!({"issuer": "i", "jwks_uri": "https://issuer.example/realm/keys"})
                        .to_string()
                }
                _ => jwks("a"),
            }));
            of.answer(request).await
        }
    });
    let source = JwksSource::discover(
        "https://issuer.example/realm/",
        JwksPolicy::default(),
        service,
    )
    .unwrap();
    let layer = JwtLayer::new(JwtPolicy::new([JwtRule::new("i", source)]));
    assert_eq!(status(&layer, "a").await, 200);
    let paths = issuer.0.paths.lock().unwrap().clone();
    assert_eq!(
        paths,
        [
            "https://issuer.example/realm/.well-known/openid-configuration",
            "https://issuer.example/realm/keys"
        ]
    );
}

#[test]
fn a_source_outlives_the_runtime_of_its_first_fetch() {
    let issuer = Issuer::new(Answer::Json(jwks("a")));
    let layer = issuer.layer();
    for round in 1..=2 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(status(&layer, "a")), 200, "{round}");
    }
    // The second runtime has no task until it needs one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        issuer.set(Answer::Json(jwks("b")));
        advance(31 * SECOND).await;
        assert_eq!(status(&layer, "b").await, 200);
    });
}

#[test]
fn a_text_that_is_no_set_of_keys_is_an_error() {
    for (text, error) in [
        ("nonsense", JwksError::NoJson),
        ("[]", JwksError::NoJson),
        ("{}", JwksError::NoKeys),
        (r#"{"keys": 1}"#, JwksError::BadKeys),
        (r#"{"keys": []}"#, JwksError::NoValidKeys),
        (
            r#"{"keys": [{"kty": "oct", "k": ""}]}"#,
            JwksError::NoValidKeys,
        ),
        (
            r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}"#,
            JwksError::NoValidKeys,
        ),
        (
            r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}]}"#,
            JwksError::NoValidKeys,
        ),
        (
            r#"{"keys": [{"kty": "RSA", "n": "AAAA", "e": "AQAB"}]}"#,
            JwksError::NoValidKeys,
        ),
        (
            r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "RS256"}]}"#,
            JwksError::NoValidKeys,
        ),
    ] {
        assert_eq!(
            Jwks::from_json(text).map(|keys| keys.len()),
            Err(error),
            "{text}"
        );
    }
    let many = format!(r#"{{"keys": [{}]}}"#, vec!["0"; 257].join(","));
    assert_eq!(
        Jwks::from_json(&many).map(|keys| keys.len()),
        Err(JwksError::TooMany)
    );
    let large = format!(r#"{{"keys": "{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(
        Jwks::from_json(&large).map(|keys| keys.len()),
        Err(JwksError::TooLarge)
    );
}

#[test]
fn keys_are_not_fetched_from_the_metadata_of_a_machine() {
    let of = |uri: &str| {
        let service = service_fn(|_: Request<Empty<Bytes>>| async {
            Ok::<_, io::Error>(Response::new(Full::new(Bytes::new())))
        });
        JwksSource::new(uri, JwksPolicy::default(), service).map(|_| ())
    };
    let address = "169.254.169.254".parse().unwrap();
    assert_eq!(
        of("http://169.254.169.254/latest"),
        Err(JwksUriError::Address(address))
    );
    assert_eq!(of("ftp://issuer/keys"), Err(JwksUriError::Scheme));
    assert_eq!(of("issuer/keys"), Err(JwksUriError::NoUri));
    assert_eq!(of("http://10.0.0.1/keys"), Ok(()));
}
