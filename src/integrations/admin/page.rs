use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;

use super::fleet::Fleet;
use super::fleet::peer::Peer;
use super::handlers;
use super::recorder::Recorder;
use super::security::token::Token;
use super::stacks::{Stack, Stacks};
use crate::foundation::events::Observe;
use crate::foundation::time::clock;
use crate::integrations::shutdown::Readiness;
use crate::mesh::{Inbound, Mesh, Outbound, OutboundPerHost};

/// Page for the operators of a [`Mesh`], from [`Mesh::admin`].
///
/// See the [module docs](super) for its routes and for what protects them.
pub struct Admin {
    actions: Option<Token>,
    fleet: Vec<Peer>,
    hosts: Vec<Box<str>>,
    mesh: Mesh,
    readiness: Readiness,
    recorder: Arc<Recorder>,
    stacks: Stacks,
    token: Option<Token>,
}

/// State that all routes of a page share.
pub(super) struct Shared {
    /// Token for actions; none if the page is read-only.
    pub(super) actions: Option<Token>,
    pub(super) began: Instant,
    pub(super) fleet: Fleet,
    /// Names by which the page may be reached, beside IP addresses and `localhost`.
    pub(super) hosts: Vec<Box<str>>,
    pub(super) mesh: Mesh,
    pub(super) readiness: Readiness,
    pub(super) recorder: Arc<Recorder>,
    pub(super) stacks: Stacks,
    /// Readers of the stream of events.
    pub(super) streams: Arc<tokio::sync::Semaphore>,
    /// Token for everything that holds data; none if everyone who reaches the port may read.
    pub(super) token: Option<Token>,
}

/// Maximum number of readers of the stream of events.
const MAX_STREAMS: usize = 16;

impl Mesh {
    /// Creates the page for operators, with a memory of the newest events and of the requests of the last minute.
    ///
    /// Create it before the clients and servers of the workloads: those that were made before report decisions to it,
    /// and no requests.
    #[must_use]
    pub fn admin(&self) -> Admin {
        let recorder = Arc::new(Recorder::default());
        let observe: Arc<dyn Observe> = Arc::<Recorder>::clone(&recorder);
        self.observed_by(&observe);
        Admin {
            actions: None,
            fleet: Vec::new(),
            hosts: Vec::new(),
            mesh: self.clone(),
            readiness: Readiness::default(),
            recorder,
            stacks: Stacks::default(),
            token: None,
        }
    }
}

impl Admin {
    /// Lets those who have this token open and close circuit breakers, move weights, and end ejections. By default the
    /// page is read-only.
    ///
    /// An action is a `POST` with `Authorization: Bearer` and the token, and an event `admin_action` of the mesh.
    #[must_use]
    pub fn with_actions(mut self, token: Token) -> Self {
        self.actions = Some(token);
        self
    }

    /// Asks for this token, as `Authorization: Bearer`, before it shows any data. The default is none: the port is for
    /// operators alone.
    ///
    /// The probe `/ready` needs no token.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Adds a host name by which browsers may reach the page, such as `admin.internal`, without a port. By default
    /// they are IP addresses and `localhost`: a page elsewhere cannot make a browser send one of these as the name of
    /// its own host.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<Box<str>>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Shows the pages of other processes on one graph with this one's, under `/fleet`. The default is none; at most
    /// 64 are asked.
    #[must_use]
    pub fn with_fleet(mut self, peers: impl IntoIterator<Item = Peer>) -> Self {
        self.fleet.extend(peers);
        self
    }

    /// Shows an outbound stack by hand under a name. Its decisions and requests are shown if it has the page's
    /// [`observer`](Self::observer).
    #[must_use]
    pub fn with_outbound(mut self, name: impl Into<Box<str>>, outbound: &Outbound) -> Self {
        self.stacks.add(name, Stack::Outbound(outbound.clone()));
        self
    }

    /// Shows the outbound stacks of each host that a client calls, under a name.
    #[must_use]
    pub fn with_outbound_per_host(
        mut self,
        name: impl Into<Box<str>>,
        outbound: &OutboundPerHost,
    ) -> Self {
        self.stacks.add(name, Stack::PerHost(outbound.clone()));
        self
    }

    /// Shows an inbound stack by hand under a name.
    #[must_use]
    pub fn with_inbound(mut self, name: impl Into<Box<str>>, inbound: &Inbound) -> Self {
        self.stacks.add(name, Stack::Inbound(inbound.clone()));
        self
    }

    /// Answers the probe `/ready` as a [shutdown](crate::shutdown) says. By default it is always ready.
    #[must_use]
    pub fn with_readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// Returns the observer of the page, for stacks by hand: it remembers the newest events, and the requests of the
    /// last minute. The layers of the mesh have it already.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observe> {
        Arc::<Recorder>::clone(&self.recorder)
    }

    /// Returns the page as routes of axum.
    ///
    /// Serve them on a port of their own. Below a path of a router, use `Router::nest_service`, and end the path in the
    /// browser with a slash.
    pub fn into_router(self) -> Router {
        handlers::router(Arc::new(Shared {
            actions: self.actions,
            began: clock::now(),
            fleet: Fleet::new(self.fleet),
            hosts: self.hosts,
            mesh: self.mesh,
            readiness: self.readiness,
            recorder: self.recorder,
            stacks: self.stacks,
            streams: Arc::new(tokio::sync::Semaphore::new(MAX_STREAMS)),
            token: self.token,
        }))
    }
}

impl From<Admin> for Router {
    fn from(admin: Admin) -> Self {
        admin.into_router()
    }
}

impl Debug for Admin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("mesh", &self.mesh)
            .field("actions", &self.actions.is_some())
            .field("token", &self.token.is_some())
            .field("fleet", &self.fleet.len())
            .finish_non_exhaustive()
    }
}
