//! The users: plain HTTP clients, with nothing of the crate in them.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::Result;
use crate::scale::{self, Scale};

/// Sends requests as users do.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    client: reqwest::Client,
    patience: Duration,
}

/// A request that is not sent yet.
#[derive(Debug)]
pub(crate) struct Call(reqwest::RequestBuilder);

/// What a user got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) asked: Instant,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
    /// None if the user lost patience, or the connection broke.
    pub(crate) status: Option<StatusCode>,
    pub(crate) took: Duration,
}

impl Driver {
    /// Sends from whatever address the system chooses.
    pub(crate) fn new(scale: Scale) -> Result<Self> {
        Self::build(scale, None)
    }

    /// Sends from `address`, which must be one of this machine's.
    pub(crate) fn from(address: IpAddr, scale: Scale) -> Result<Self> {
        Self::build(scale, Some(address))
    }

    fn build(scale: Scale, address: Option<IpAddr>) -> Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder()
                .local_address(address)
                .no_proxy()
                .build()?,
            // Long enough for a slow machine: only what hangs for good is given up.
            patience: scale.minute().max(Duration::from_secs(6)),
        })
    }

    pub(crate) fn get(&self, url: &str) -> Call {
        Call(self.client.get(url).timeout(self.patience))
    }

    pub(crate) fn post(&self, url: &str, body: &Value) -> Call {
        let request = self.client.post(url).timeout(self.patience);
        let request = request.header("content-type", "application/json");
        Call(request.body(body.to_string()))
    }
}

impl Call {
    pub(crate) fn header(self, name: &str, value: impl Into<String>) -> Self {
        Self(self.0.header(name, value.into()))
    }

    /// Sends it on behalf of a user who comes through the gateway: from an address of the user's
    /// own, a new one every time.
    pub(crate) fn of_anyone(self) -> Self {
        static USERS: AtomicU32 = AtomicU32::new(0);
        let user = USERS.fetch_add(1, Ordering::Relaxed);
        // 198.18.0.0/15 is set apart for load tests.
        let address = std::net::Ipv4Addr::from(0xc612_0000 | (user & 0x1_ffff));
        self.header("x-forwarded-for", address.to_string())
    }

    pub(crate) async fn send(self) -> Answer {
        let asked = scale::now();
        let (status, headers, body) = match self.0.send().await {
            Err(_) => (None, HeaderMap::new(), Value::Null),
            Ok(response) => {
                let status = response.status();
                let headers = response.headers().clone();
                let body = response.bytes().await.unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                (Some(status), headers, body)
            }
        };
        Answer {
            asked,
            body,
            headers,
            status,
            took: scale::now() - asked,
        }
    }
}

impl Answer {
    pub(crate) fn is(&self, status: StatusCode) -> bool {
        self.status == Some(status)
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.is(StatusCode::OK)
    }

    /// Returns the seconds that it says to stay away.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }

    /// Returns the status; 599 without an answer.
    pub(crate) fn status(&self) -> StatusCode {
        let none = || StatusCode::from_u16(599).unwrap_or_default();
        self.status.unwrap_or_else(none)
    }

    /// Returns the status in words.
    pub(crate) fn words(&self) -> String {
        self.status
            .map_or_else(|| "no answer".to_owned(), |s| s.to_string())
    }
}

/// Sends calls at a steady pace for as long as `length` lasts, and waits for all answers.
pub(crate) async fn steadily(
    pace: Duration,
    length: Duration,
    mut call: impl FnMut() -> Call,
) -> Vec<Answer> {
    let end = scale::now() + length;
    let mut ticks = tokio::time::interval(pace);
    let mut calls = JoinSet::new();
    while scale::now() < end {
        ticks.tick().await;
        calls.spawn(call().send());
    }
    let mut answers = calls.join_all().await;
    answers.sort_by_key(|answer| answer.asked);
    answers
}

/// Sends calls at a steady pace, but no more than `width` at once, for as long as `length` lasts, and
/// waits for all answers, in any order: on a slow machine there are fewer.
pub(crate) async fn within(
    pace: Duration,
    length: Duration,
    width: usize,
    mut call: impl FnMut() -> Call,
) -> Vec<Answer> {
    let end = scale::now() + length;
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    let mut answers = Vec::new();
    while scale::now() < end {
        ticks.tick().await;
        if running.len() == width {
            answers.extend(running.join_next().await.and_then(std::result::Result::ok));
        }
        running.spawn(call().send());
    }
    answers.extend(running.join_all().await);
    answers
}

/// Sends all calls, no more than `width` at once, and waits for all answers, in their order.
pub(crate) async fn all(calls: impl IntoIterator<Item = Call>, width: usize) -> Vec<Answer> {
    let mut calls = calls.into_iter();
    let mut running = JoinSet::new();
    let mut answers = Vec::new();
    loop {
        while running.len() < width
            && let Some(call) = calls.next()
        {
            running.spawn(call.send());
        }
        match running.join_next().await {
            Some(answer) => answers.extend(answer),
            None => break,
        }
    }
    answers.sort_by_key(|answer: &Answer| answer.asked);
    answers
}
