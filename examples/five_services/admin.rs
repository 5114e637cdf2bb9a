//! `--admin`: the page for operators, of all services on this machine at once.

use std::hash::{BuildHasher, RandomState};
use std::io;

use meshless::Mesh;
use meshless::admin::Token;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Result;
use crate::show::show;

/// The page, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Page(#[expect(dead_code, reason = "it owns the task")] JoinSet<io::Result<()>>);

impl Page {
    /// Serves the page of a mesh, and prints its URL.
    pub(crate) fn serve(mesh: &Mesh, listener: TcpListener) -> Result<Self> {
        // In production it is a secret of the deployment.
        let secret = format!("{:016x}{:016x}", random(), random());
        let admin = mesh.admin().with_actions(Token::new(&secret)?);
        show!("The page for operators: http://{}/", listener.local_addr()?);
        show!("Its token for actions: {secret}");
        let app = admin
            .into_router()
            .into_make_service_with_connect_info::<std::net::SocketAddr>();
        let mut task = JoinSet::new();
        task.spawn(async { axum::serve(listener, app).await });
        Ok(Self(task))
    }
}

/// Returns a number that another process does not know.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
