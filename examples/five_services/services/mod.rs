//! The five services: small axum servers, each with the crate around its routes and its clients.

mod auth;
mod fail;
mod flaky;
mod inbound;
mod ingress;
mod locations;
mod outbound;
mod recycling;
mod users;
mod waste;

pub(crate) use auth::auth;
pub(crate) use inbound::ROUTES_IN_FLIGHT;
pub(crate) use ingress::ingress;
pub(crate) use locations::locations;
pub(crate) use outbound::{EJECTED_SECONDS, KAKAO_IN_FLIGHT, KAKAO_SECONDS, RAMP_SECONDS};
pub(crate) use recycling::recycling;
pub(crate) use users::{USERS_ENDPOINTS, Users, users};
pub(crate) use waste::waste;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::middleware;
use meshless::mesh::Workload;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Result;
use crate::recorder::{Recorder, record};
use crate::stand_ins::Script;
use crate::world::Settings;

/// Where a service runs, and as whom the policies know it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) listener: TcpListener,
    pub(crate) settings: Settings,
    pub(crate) workload: Workload,
}

/// A service that runs on this machine; it takes no new connections once it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    admitted: Recorder,
    recorder: Recorder,
    script: Script,
    _task: JoinSet<io::Result<()>>,
}

impl Service {
    /// Serves `routes` with the crate around them, and remembers what reaches either.
    fn start(routes: Router, site: Site) -> Result<Self> {
        let (admitted, script) = (Recorder::default(), Script::default());
        let routes = routes
            .layer(middleware::from_fn_with_state(script.clone(), flaky::flaky))
            .layer(middleware::from_fn_with_state(admitted.clone(), record));
        let service = Self::serve(inbound::around(routes, &site), site.listener)?;
        Ok(Self {
            admitted,
            script,
            ..service
        })
    }

    /// Serves `routes` as they are, and remembers what reaches them.
    fn serve(routes: Router, listener: TcpListener) -> io::Result<Self> {
        let recorder = Recorder::default();
        let service = routes.layer(middleware::from_fn_with_state(recorder.clone(), record));
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        // The limits by caller need to know the caller's address.
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        task.spawn(async { axum::serve(listener, service).await });
        Ok(Self {
            address,
            admitted: recorder.clone(),
            recorder,
            script: Script::default(),
            _task: task,
        })
    }

    /// Where it listens, as a URL without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What got past the crate, to the handlers.
    pub(crate) const fn admitted(&self) -> &Recorder {
        &self.admitted
    }

    /// What goes wrong with it.
    pub(crate) const fn script(&self) -> &Script {
        &self.script
    }

    /// What reached it, also what the crate turned away.
    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}
