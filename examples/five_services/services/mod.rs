//! The five services: small axum servers, each with the crate around its routes and its clients.

mod auth;
mod fail;
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
pub(crate) use outbound::{KAKAO_IN_FLIGHT, KAKAO_SECONDS, RAMP_SECONDS};
pub(crate) use recycling::recycling;
pub(crate) use users::{Users, users};
pub(crate) use versions::Versions;
pub(crate) use waste::waste;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::middleware;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::recorder::{Recorder, record};
use crate::world::Settings;

/// A service that runs on this machine; it takes no new connections once it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    admitted: Recorder,
    recorder: Recorder,
    _task: JoinSet<io::Result<()>>,
}

impl Service {
    /// Serves `routes` with the crate around them, and remembers what reaches either.
    async fn start(routes: Router, settings: Settings) -> io::Result<Self> {
        let (admitted, recorder) = (Recorder::default(), Recorder::default());
        let routes = routes.layer(middleware::from_fn_with_state(admitted.clone(), record));
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
            recorder,
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

    /// What reached it, also what the crate turned away.
    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}
