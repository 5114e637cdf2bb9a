//! Everything that runs: three stand-ins, five services, one of them in two versions.

use crate::Result;
use crate::args::{Args, Part};
use crate::scale::Scale;
use crate::services::{self, Service, Users, Versions};
use crate::stand_ins::{self, StandIn};

/// What the services are told when they start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    broken: Option<Part>,
    pub(crate) scale: Scale,
}

impl Settings {
    pub(crate) const fn new(args: &Args) -> Self {
        Self {
            broken: args.broken,
            scale: args.scale,
        }
    }

    /// Says that `--break` switched this part off.
    pub(crate) fn is_broken(self, part: Part) -> bool {
        self.broken == Some(part)
    }

    /// Returns `policy`, or `off` if `--break` switched this part off.
    pub(crate) fn policy<P>(self, part: Part, policy: P, off: P) -> P {
        if self.is_broken(part) { off } else { policy }
    }
}

/// The services and the stand-ins; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) auth: Service,
    pub(crate) kakao: StandIn,
    pub(crate) locations: Service,
    pub(crate) openai: StandIn,
    pub(crate) recycling: Service,
    pub(crate) roboflow: StandIn,
    pub(crate) settings: Settings,
    pub(crate) users: Users,
    pub(crate) versions: Versions,
    pub(crate) waste: Service,
    pub(crate) waste_v2: Service,
}

impl World {
    /// Starts everything, each on a port of its own.
    pub(crate) async fn start(settings: Settings) -> Result<Self> {
        let kakao = stand_ins::kakao().await?;
        let openai = stand_ins::openai().await?;
        let roboflow = stand_ins::roboflow().await?;

        let auth = services::auth(settings).await?;
        let users = services::users(settings).await?;
        let waste = services::waste(settings, "v1", &users, &roboflow.url()).await?;
        let waste_v2 = services::waste(settings, "v2", &users, &roboflow.url()).await?;
        let versions = Versions::new(settings, &waste, &waste_v2)?;
        let recycling = services::recycling(settings, &versions, &openai.url()).await?;
        let locations = services::locations(settings, &users, &kakao.url()).await?;
        Ok(Self {
            auth,
            kakao,
            locations,
            openai,
            recycling,
            roboflow,
            settings,
            users,
            versions,
            waste,
            waste_v2,
        })
    }
}
