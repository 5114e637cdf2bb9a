//! Which version of waste gets how much of what is read from it.

use std::net::SocketAddr;

use http::HeaderName;
use meshless::StringMatch;
use meshless::traffic_split::{
    Destination, HeaderMatch, Match, Route, Sticky, TrafficSplitLayer, TrafficSplitPolicy,
};

use super::Service;
use crate::Result;
use crate::args::Part;
use crate::world::Settings;

/// The name by which waste is called; who answers is decided for each request.
pub(crate) const WASTE: &str = "http://waste-service";

/// The route that is split, by its name.
const SPLIT: &str = "split";

/// The switch between the versions of waste: what is set here holds from the next request on.
#[derive(Clone, Debug)]
pub(crate) struct Versions(TrafficSplitLayer);

impl Versions {
    /// Gives everything to v1, except what asks for v2.
    pub(crate) fn new(settings: Settings, v1: &Service, v2: &Service) -> Result<Self> {
        let [v1, v2] = [v1, v2].map(|version| destination(version.address()));
        let asks_for_v2 =
            HeaderMatch::new(HeaderName::from_static("version"), StringMatch::exact("v2"));
        let testers = Route::to(v2.clone()).with_match(Match::default().with_header(asks_for_v2));
        let mut everyone = Route::split([(v1.clone(), 100), (v2, 0)])?.with_name(SPLIT);
        if !settings.is_broken(Part::Sticky) {
            everyone = everyone.with_sticky(Sticky::cookie("user"));
        }
        // Switched off: as it was before there was a v2.
        let routes = settings.policy(
            Part::Split,
            vec![testers, everyone],
            vec![Route::split([(v1.clone(), 1), (v1, 0)])?.with_name(SPLIT)],
        );
        let split = TrafficSplitLayer::new(TrafficSplitPolicy::new(routes));
        // The same choices in every run of this example: leave the seed out elsewhere.
        Ok(Self(split.with_seed(1)))
    }

    /// Gives v2 so much of a hundred, and v1 the rest.
    pub(crate) fn give_v2(&self, percent: u32) -> Result<()> {
        Ok(self.0.set_weights(SPLIT, [100 - percent, percent])?)
    }

    /// The layer, for the client that reads from waste.
    pub(crate) fn layer(&self) -> TrafficSplitLayer {
        self.0.clone()
    }
}

fn destination(address: SocketAddr) -> Destination {
    Destination::new(address.ip().to_string()).with_port(address.port())
}
