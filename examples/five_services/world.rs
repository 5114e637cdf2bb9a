//! Everything that runs: three stand-ins, five services, one of them in two versions, and an ingress.

use std::io;

use tokio::net::TcpListener;

use crate::Result;
use crate::admin::Page;
use crate::args::{Args, Part};
use crate::policies::Policies;
use crate::scale::Scale;
use crate::services::{self, Service, Site, USERS_ENDPOINTS, Users};
use crate::stand_ins::{self, StandIn};

/// Settings of the services at their start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    admin: bool,
    broken: Option<Part>,
    pub(crate) scale: Scale,
}

impl Settings {
    pub(crate) const fn new(args: &Args) -> Self {
        Self {
            admin: args.admin,
            broken: args.broken,
            scale: args.scale,
        }
    }

    /// What `--break` switched off.
    pub(crate) const fn broken(self) -> Option<Part> {
        self.broken
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
    /// None without `--admin`.
    _admin: Option<Page>,
    pub(crate) auth: Service,
    pub(crate) ingress: Service,
    pub(crate) kakao: StandIn,
    pub(crate) locations: Service,
    pub(crate) openai: StandIn,
    pub(crate) policies: Policies,
    pub(crate) recycling: Service,
    pub(crate) roboflow: StandIn,
    pub(crate) settings: Settings,
    pub(crate) users: Users,
    pub(crate) waste: Service,
    pub(crate) waste_v2: Service,
}

impl World {
    /// Starts everything, each on a port of its own.
    pub(crate) async fn start(settings: Settings) -> Result<Self> {
        let kakao = stand_ins::kakao().await?;
        let openai = stand_ins::openai().await?;
        let roboflow = stand_ins::roboflow().await?;

        // The policies say where the services listen, so that is settled before any of them begins.
        let (v1, v2) = (listen().await?, listen().await?);
        let mut of_users = Vec::new();
        for _ in 0..USERS_ENDPOINTS {
            of_users.push(listen().await?);
        }
        let mut ports = Vec::new();
        for (written, listener) in (18_001..).zip([&v1, &v2].into_iter().chain(&of_users)) {
            ports.push((written, listener.local_addr()?.port()));
        }
        for (written, stand_in) in (19_001..).zip([&roboflow, &openai, &kakao]) {
            ports.push((written, stand_in.port()));
        }
        let policies = Policies::deploy(settings, &ports)?;
        // Before the services, so that their clients and servers report requests to it.
        let admin = if settings.admin {
            Some(Page::serve(policies.mesh(), listen().await?)?)
        } else {
            None
        };

        // In production each is a process with a mesh of its own; here they share the one.
        let site = |name: &str, namespace: &str, listener| Site {
            listener,
            settings,
            workload: policies.mesh().workload(name, namespace),
        };
        let waste = |version: &str, listener| {
            let site = site("waste-service", "waste", listener);
            let workload = site.workload.with_labels([("version", version)]);
            Site { workload, ..site }
        };
        let auth = services::auth(site("auth-service", "auth", listen().await?))?;
        let of_users = of_users.into_iter();
        let users = of_users.map(|listener| site("users-service", "users", listener));
        let users = services::users(users)?;
        let waste_v1 = services::waste(waste("v1", v1), "v1")?;
        let waste_v2 = services::waste(waste("v2", v2), "v2")?;
        let recycling = site("recycling-service", "recycling", listen().await?);
        let recycling = services::recycling(recycling)?;
        let locations = site("locations-service", "locations", listen().await?);
        let locations = services::locations(locations)?;
        let ingress = services::ingress(policies.mesh(), listen().await?)?;
        Ok(Self {
            _admin: admin,
            auth,
            ingress,
            kakao,
            locations,
            openai,
            policies,
            recycling,
            roboflow,
            settings,
            users,
            waste: waste_v1,
            waste_v2,
        })
    }
}

/// Listens on a port that the system chooses.
async fn listen() -> io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}
