//! The five services: small axum servers, each with the crate around its routes and its clients.

mod auth;
mod fail;
mod flaky;
mod inbound;
mod locations;
mod outbound;
mod recycling;
mod users;
mod versions;
mod waste;

pub(crate) use auth::auth;
pub(crate) use inbound::ROUTES_IN_FLIGHT;
pub(crate) use locations::locations;
pub(crate) use outbound::{EJECTED_SECONDS, KAKAO_IN_FLIGHT, KAKAO_SECONDS, RAMP_SECONDS};
pub(crate) use recycling::recycling;
pub(crate) use users::{Users, users};
pub(crate) use versions::Versions;
pub(crate) use waste::waste;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::middleware;
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::recorder::{Recorder, record};
use crate::stand_ins::Script;
use crate::world::Settings;

/// A service that runs on this machine; it takes no new connections once it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    admitted: Recorder,
    faults: FaultInjectionLayer,
    recorder: Recorder,
    script: Script,
    _task: JoinSet<io::Result<()>>,
}

impl Service {
    /// Serves `routes` with the crate around them, and remembers what reaches either.
    async fn start(routes: Router, settings: Settings) -> io::Result<Self> {
        let (admitted, recorder) = (Recorder::default(), Recorder::default());
        let script = Script::default();
        // The same choices in every run of this example: leave the seed out elsewhere.
        let faults = FaultInjectionLayer::seeded(FaultInjectionPolicy::off(), 1);
        let routes = routes
            .layer(middleware::from_fn_with_state(script.clone(), flaky::flaky))
            .layer(middleware::from_fn_with_state(admitted.clone(), record))
            .layer(faults.clone());
        let service = inbound::around(routes, settings)
            .layer(middleware::from_fn_with_state(recorder.clone(), record));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        // The limits by caller need to know the caller's address.
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        task.spawn(async { axum::serve(listener, service).await });
        Ok(Self {
            address,
            admitted,
            faults,
            recorder,
            script,
            _task: task,
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL without a path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What got past the crate, to the handlers.
    pub(crate) const fn admitted(&self) -> &Recorder {
        &self.admitted
    }

    /// Replaces what it does to its own requests on purpose, from the next one on.
    pub(crate) fn inject(&self, faults: FaultInjectionPolicy) {
        self.faults.reconfigure(faults);
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
