//! The clients of the services: by the policies, with what no document can say around them.

use http::{HeaderName, HeaderValue};
use meshless::client::{self, Body, BoxHttpService, Client, Transport};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::traffic_split::{
    Destination, HashPolicy, HeaderOperations, Route, TrafficSplitLayer, TrafficSplitPolicy,
    WeightedDestination,
};
use serde_json::Value;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;

use super::Site;
use crate::Result;
use crate::args::Part;
use crate::recorder::stamp;

pub(crate) type Error = client::Error;
pub(crate) type Response = client::Response;
pub(crate) type Call = client::RequestBuilder<BoxHttpService>;

/// How many calls a minute OpenAI may get.
pub(crate) const OPENAI_CALLS: u64 = 20;

/// Over which time an endpoint of users gets more and more again: `warmup` in `users.yaml`.
pub(crate) const RAMP_SECONDS: u32 = 30;

/// How long an endpoint is left alone the first time: `baseEjectionTime` in `users.yaml` and
/// `roboflow-breaker.yaml`.
pub(crate) const EJECTED_SECONDS: u32 = 30;

/// How long locations waits for Kakao Map: `timeout` in `kakao-map.yaml`.
pub(crate) const KAKAO_SECONDS: u32 = 15;

/// How many calls of locations may be at Kakao Map at once: `http2MaxRequests` in `kakao-map.yaml`.
pub(crate) const KAKAO_IN_FLIGHT: u32 = 8;

const WASTE: &str = "waste-service.waste.svc.cluster.local";

/// Another service, or an external API.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client<BoxHttpService>,
    url: String,
}

impl Upstream {
    fn new(client: Client<BoxHttpService>, host: &str) -> Self {
        let url = format!("http://{host}");
        Self { client, url }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }
}

/// users: `users.yaml`.
pub(crate) fn to_users(site: &Site) -> Result<Upstream> {
    to(site, "users-service.users.svc.cluster.local")
}

/// Roboflow: `roboflow-breaker.yaml`.
pub(crate) fn to_roboflow(site: &Site) -> Result<Upstream> {
    to(site, "detect.roboflow.com")
}

/// Kakao Map: `kakao-map.yaml`.
pub(crate) fn to_kakao(site: &Site) -> Result<Upstream> {
    to(site, "dapi.kakao.com")
}

/// OpenAI: `llm-rate-limit.yaml` and `openai.yaml`. The limit there counts questions. Each try costs
/// money, so the tries are counted here, next to the transport: no document can say that.
pub(crate) fn to_openai(site: &Site) -> Result<Upstream> {
    let settings = site.settings;
    let limit = RateLimitPolicy::at_most(OPENAI_CALLS, settings.scale.minute());
    let limit = settings.policy(Part::RateLimit, limit, RateLimitPolicy::off());
    let tries = ServiceBuilder::new()
        // Only for the measurement: how long a call is on its way.
        .layer(MapRequestLayer::new(stamp))
        .layer(RateLimitLayer::new(limit))
        .service(Transport::build(clients())?);
    let client = Client::new(site.workload.outbound::<_, Body>(tries));
    Ok(Upstream::new(client.boxed(), "api.openai.com"))
}

/// waste: `waste-ab-and-canary.yaml`, which sends to v2 whatever has the header `version: v2`. A user who
/// has a cookie is given that header or not, always the same, by a layer: no document can say of a weighted
/// split that it is to stay.
pub(crate) fn to_waste(site: &Site) -> Result<Upstream> {
    let waste = Destination::new(WASTE).with_port(80);
    let (version, v2) = (
        HeaderName::from_static("version"),
        HeaderValue::from_static("v2"),
    );
    let v2 = HeaderOperations::default().with_set(version, v2);
    let halves = [
        WeightedDestination::new(waste.clone(), 50),
        WeightedDestination::new(waste.clone(), 50).with_request_headers(v2),
    ];
    let with_cookie = meshless::traffic_split::Match::default().with_cookie_present("user");
    let sticky = HashPolicy::cookie("user");
    let mut halves = Route::split(halves)?.with_match(with_cookie);
    if !site.settings.is_broken(Part::Sticky) {
        halves = halves.with_hash_policy(sticky);
    }
    let sticky = TrafficSplitLayer::new(TrafficSplitPolicy::new([halves, Route::to(waste)]));
    let stack = ServiceBuilder::new()
        .layer(sticky.with_seed(1))
        .layer(site.workload.layer::<Body>())
        .service(Transport::build(clients())?);
    Ok(Upstream::new(Client::new(stack).boxed(), WASTE))
}

/// Whatever the policies say.
fn to(site: &Site, host: &str) -> Result<Upstream> {
    let client = site.workload.client_with(clients)?;
    Ok(Upstream::new(client.boxed(), host))
}

/// Clients that go through no proxy, which could not reach this machine.
pub(super) fn clients() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy()
}
