//! The answers of real Envoy (`tests/jwt/record`), case by case.

use std::fmt::Write;

use http::{HeaderName, HeaderValue, Request};
use meshless::jwt::{Jwks, JwtLayer, JwtPolicy, JwtRule};
use serde_json::Value;

use super::support::{Answer, keys, now, send, signed, token};

/// The cases in which this crate differs, each with the reason.
const DIFFERENT: [(&str, &str); 6] = [
    // JSON is RFC 8259's; Envoy's parser takes more.
    ("one", "trailing comma in json"),
    ("one", "single quotes"),
    ("one", "bare keys"),
    // A quote would end the realm.
    ("one", "path with quotes"),
    // Envoy answers 503, since it cannot send the header that it made.
    ("places", "claim with line break"),
    ("places", "claim with a zero"),
];

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../vectors/envoy_jwt.json")).unwrap()
}

fn texts<'a>(rule: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    let list = rule[name].as_array().into_iter().flatten();
    list.map(|item| item.as_str().unwrap())
}

fn header(name: &Value) -> HeaderName {
    HeaderName::try_from(name.as_str().unwrap()).unwrap()
}

fn rule(rule: &Value, jwks: &Value) -> JwtRule {
    let keys = jwks[rule["jwks"].as_str().unwrap()].as_str().unwrap();
    let issuer = rule["issuer"].as_str().unwrap();
    let mut made = JwtRule::new(issuer, Jwks::from_json(keys).unwrap())
        .with_audiences(texts(rule, "audiences"))
        .with_forwarded_token(rule["forwardOriginalToken"] == true)
        .with_required_token(rule["presence"] == "REQUIRED");
    for place in rule["fromHeaders"].as_array().into_iter().flatten() {
        let prefix = place["prefix"].as_str().unwrap_or_default();
        made = made.with_header(header(&place["name"]), prefix);
    }
    for param in texts(rule, "fromParams") {
        made = made.with_param(param);
    }
    for cookie in texts(rule, "fromCookies") {
        made = made.with_cookie(cookie);
    }
    if rule["outputPayloadToHeader"].is_string() {
        made = made.with_payload_header(header(&rule["outputPayloadToHeader"]));
    }
    for output in rule["outputClaimToHeaders"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let claim = output["claim"].as_str().unwrap();
        made = made.with_claim_header(claim, header(&output["header"]));
    }
    made
}

fn request(case: &Value) -> Request<()> {
    let method = case["method"].as_str().unwrap();
    let target = case["path"].as_str().unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(())
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("HOST"));
    for pair in case["headers"].as_array().unwrap() {
        // Servers cut off blanks around a value.
        let value = HeaderValue::from_str(pair[1].as_str().unwrap().trim()).unwrap();
        headers.append(header(&pair[0]), value);
    }
    request
}

/// Returns what differs between an answer and the recorded one.
fn differences(case: &Value, answer: &Answer) -> String {
    let mut found = String::new();
    let mut compare = |what: &str, own: Option<&str>, envoys: Option<&str>| {
        if own != envoys {
            let _ = writeln!(found, "{what}: {own:?}, Envoy {envoys:?}");
        }
    };
    let status = answer.status.to_string();
    compare("status", Some(&status), Some(&case["status"].to_string()));
    for (own, envoys) in [
        ("www-authenticate", "www_authenticate"),
        ("grpc-status", "grpc_status"),
        ("grpc-message", "grpc_message"),
    ] {
        compare(own, answer.header(own), case[envoys].as_str());
    }
    if let (Some(text), true) = (case["body"].as_str(), case["method"] != "HEAD") {
        compare("body", Some(&answer.body), Some(text));
    }
    if let (Some(seen), Some(envoys)) = (&answer.upstream, case["upstream"].as_object()) {
        // Envoy writes the other parameters again, in the order of their names.
        let sorted = |target: &str| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let mut pairs: Vec<_> = query.split('&').collect();
            pairs.sort_unstable();
            format!("{path}?{}", pairs.join("&"))
        };
        let envoys_target = envoys["path"].as_str().unwrap();
        compare(
            "target",
            Some(&sorted(&seen.target)),
            Some(&sorted(envoys_target)),
        );
        let mut shown: Vec<_> = seen
            .headers
            .iter()
            .filter(|(name, _)| {
                *name == "authorization" || *name == "cookie" || name.as_str().starts_with("x-")
            })
            .filter(|(name, _)| *name != "x-forwarded-proto")
            .map(|(name, value)| {
                // The recorder reads bytes as Latin-1.
                let value: String = value
                    .as_bytes()
                    .iter()
                    .map(|byte| char::from(*byte))
                    .collect();
                [name.to_string(), value]
            })
            .collect();
        shown.sort_unstable();
        let mut envoys: Vec<[String; 2]> =
            serde_json::from_value(envoys["headers"].clone()).unwrap();
        envoys.sort_unstable();
        compare(
            "headers",
            Some(&format!("{shown:?}")),
            Some(&format!("{envoys:?}")),
        );
    }
    found
}

#[tokio::test]
async fn every_answer_is_that_of_real_envoy() {
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() > 200, "{}", cases.len());
    let mut failed = String::new();
    for case in cases {
        let (rules, name) = (
            case["rules"].as_str().unwrap(),
            case["name"].as_str().unwrap(),
        );
        if DIFFERENT.contains(&(rules, name)) {
            continue;
        }
        let own = recorded["rules"][rules].as_array().unwrap();
        let own = own.iter().map(|one| rule(one, &recorded["jwks"]));
        let layer = JwtLayer::new(JwtPolicy::new(own).with_envoy_behaviour(true));
        // Twice: the second time the token is remembered.
        for time in ["first", "second"] {
            let found = differences(case, &send(&layer, request(case)).await);
            if !found.is_empty() {
                let _ = writeln!(failed, "{rules}: {name}, the {time} time:\n{found}");
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// The cases that this project was given, whose tokens are relative to the time of the test.
#[tokio::test]
async fn every_given_answer_holds() {
    let first = || JwtRule::new("i", keys("a")).with_audiences(["x", "w"]);
    let with = |more: Value| {
        let mut claims = serde_json::json!({"aud": "x"});
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        token(&claims)
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut tried = 0;
    for line in include_str!("../../vectors/envoy_jwt.tsv").lines() {
        let [name, status, body, challenge] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let good = with(json("{}"));
        let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
        let timed = |claim: &str, offset: i64| {
            let at = now().checked_add_signed(offset).unwrap();
            bearer(&with(serde_json::json!({ claim: at })))
        };
        let (name, is_two) = match name.strip_prefix("two rules: ") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let mut target = "/".to_owned();
        let mut method = "GET";
        let headers = match name {
            "no token" => Vec::new(),
            "garbage" => bearer("garbage"),
            "not bearer" => vec![("authorization", "Basic abc".to_owned())],
            "lower case bearer" => vec![("authorization", format!("bearer {good}"))],
            "aud list one of" => bearer(&with(json(r#"{"aud": ["q", "w"]}"#))),
            "aud wrong" => bearer(&with(json(r#"{"aud": "q"}"#))),
            "iss other" if is_two => bearer(&with(json(r#"{"iss": "k"}"#))),
            "iss other" | "iss j" => bearer(&with(json(r#"{"iss": "j"}"#))),
            "iss missing" => bearer(&signed("a", &json(r#"{"aud": "x"}"#))),
            "exp 59 s ago" => timed("exp", -50),
            "exp 70 s ago" | "expired i" => timed("exp", -70),
            "nbf in 30 s" => timed("nbf", 30),
            "nbf in 90 s" => timed("nbf", 90),
            "kid unknown" => bearer(&signed("zz", &json(r#"{"iss": "i", "aud": "x"}"#))),
            "query access_token valid" => {
                target = format!("/?access_token={good}");
                Vec::new()
            }
            "header valid, query bad" => {
                target = "/?access_token=zz".to_owned();
                bearer(&good)
            }
            "preflight, no token" => {
                method = "OPTIONS";
                vec![
                    ("origin", "http://o".to_owned()),
                    ("access-control-request-method", "GET".to_owned()),
                ]
            }
            "OPTIONS no origin, bad token" => {
                method = "OPTIONS";
                bearer("zz")
            }
            // Of signatures and algorithms; the recorded cases above have real keys.
            "no kid" | "RS512 with RS256 key" | "ES256 kid a" | "HS256 by public n" => continue,
            other => panic!("{other}"),
        };
        let rules = if is_two {
            vec![first(), JwtRule::new("j", keys("a"))]
        } else {
            vec![first()]
        };
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let mut request = super::support::request(&target, &headers);
        *request.method_mut() = method.parse().unwrap();
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("HOST"));
        let answer = send(&JwtLayer::new(JwtPolicy::new(rules)), request).await;
        assert_eq!(answer.status.to_string(), status, "{line}");
        if status == "200" {
            assert!(answer.upstream.is_some(), "{line}");
        } else {
            assert_eq!(answer.body, body, "{line}");
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{line}");
        }
        tried += 1;
    }
    assert_eq!(tried, 21);
}
