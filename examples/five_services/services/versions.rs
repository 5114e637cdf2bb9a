//! Which version of waste gets how much of what is read from it.

use std::net::SocketAddr;

use http::HeaderName;
use meshless::client::Transport;
use meshless::mirror::{MirrorLayer, MirrorPolicy, MirrorStats};
use meshless::traffic_split::{
    Destination, HeaderMatch, Match, Route, Sticky, TrafficSplitLayer, TrafficSplitPolicy,
};
use meshless::{Percent, StringMatch};

use super::{Service, outbound};
use crate::Result;
use crate::args::Part;
use crate::world::Settings;

/// The name by which waste is called; who answers is decided for each request.
pub(crate) const WASTE: &str = "http://waste-service";

/// The route that is split, by its name.
const SPLIT: &str = "split";

/// The switch between the versions of waste: what is set here holds from the next request on.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    mirror: MirrorLayer<Transport>,
    settings: Settings,
    split: TrafficSplitLayer,
    v2: SocketAddr,
}

impl Versions {
    /// Gives everything to v1, except what asks for v2.
    pub(crate) fn new(settings: Settings, v1: &Service, v2: &Service) -> Result<Self> {
        let address = v2.address();
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
        let split = split.with_seed(1);
        let mirror = MirrorLayer::seeded(MirrorPolicy::off(), outbound::transport()?, 1);
        Ok(Self {
            mirror,
            settings,
            split,
            v2: address,
        })
    }

    /// Gives v2 so much of a hundred, and v1 the rest.
    pub(crate) fn give_v2(&self, percent: u32) -> Result<()> {
        Ok(self.split.set_weights(SPLIT, [100 - percent, percent])?)
    }

    /// Copies so much of a hundred to v2, whoever answers.
    pub(crate) fn copy_to_v2(&self, percent: u8) -> Result<()> {
        let policy =
            MirrorPolicy::new(Percent::new(percent)).with_authority(self.v2.to_string().parse()?);
        let policy = self
            .settings
            .policy(Part::Mirror, policy, MirrorPolicy::off());
        self.mirror.reconfigure(policy);
        Ok(())
    }

    /// What became of the copies.
    pub(crate) fn copies(&self) -> MirrorStats {
        self.mirror.stats()
    }

    /// The layer that copies, for the client that reads from waste.
    pub(crate) fn mirror(&self) -> MirrorLayer<Transport> {
        self.mirror.clone()
    }

    /// The layer that chooses, for the client that reads from waste.
    pub(crate) fn layer(&self) -> TrafficSplitLayer {
        self.split.clone()
    }
}

fn destination(address: SocketAddr) -> Destination {
    Destination::new(address.ip().to_string()).with_port(address.port())
}
