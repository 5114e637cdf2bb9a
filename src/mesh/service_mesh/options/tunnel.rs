//! Tunnels: byte streams between a caller and an upstream of a gateway that have switched protocols.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::foundation::sync::{OwnerHandle, TaskOwner};

/// Maximum time for which one direction outlasts the other.
const LINGER: Duration = Duration::from_secs(5);

/// Owner of a mesh's tunnels: they end when its last clone is dropped.
///
/// Each tunnel is a task, which ends with either of its connections. Their number is bounded by the number of
/// accepted callers and by the limits of their clusters.
#[derive(Clone, Debug, Default)]
pub(in crate::mesh) struct Tunnels(Arc<TaskOwner>);

/// Caller's end of a possible tunnel.
#[derive(Debug)]
pub(in crate::mesh) struct CallersEnd {
    caller: OnUpgrade,
    owner: OwnerHandle,
    runtime: Handle,
}

impl CallersEnd {
    /// Takes over the connection of a caller; `None` if its server cannot hand it out.
    pub(in crate::mesh) fn of<B>(request: &mut Request<B>, tunnels: &Tunnels) -> Option<Self> {
        Some(Self {
            caller: request.extensions_mut().remove()?,
            owner: tunnels.0.handle(),
            runtime: Handle::try_current().ok()?,
        })
    }

    /// Spawns the tunnel, which holds the body of the response until it ends, and with it the permits and tickets of
    /// the request. Returns the response unchanged if its transport cannot hand out the
    /// connection.
    pub(in crate::mesh) fn join<R: Send + 'static>(
        self,
        response: Response<R>,
    ) -> Result<Response<()>, Response<R>> {
        let (mut head, body) = response.into_parts();
        let Some(upstream) = head.extensions.remove::<OnUpgrade>() else {
            return Err(Response::from_parts(head, body));
        };
        self.runtime.spawn(async move {
            let ended = until_gone(self.owner, carry(self.caller, upstream)).await;
            if let Some(Err(error)) = ended {
                tracing::debug!(%error, "a tunnel failed");
            }
            drop(body);
        });
        Ok(Response::from_parts(head, ()))
    }
}

/// Runs a tunnel until its end, or until its owner is dropped.
async fn until_gone<T>(owner: OwnerHandle, work: impl Future<Output = T>) -> Option<T> {
    let (mut gone, mut work) = (pin!(owner.dropped()), pin!(work));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => gone.as_mut().poll(cx).map(|()| None),
    })
    .await
}

async fn carry(caller: OnUpgrade, upstream: OnUpgrade) -> io::Result<()> {
    let caller = TokioIo::new(caller.await.map_err(io::Error::other)?);
    let upstream = TokioIo::new(upstream.await.map_err(io::Error::other)?);
    let (from_caller, to_caller) = split(caller);
    let (from_upstream, to_upstream) = split(upstream);
    let mut out = pin!(pass(from_caller, to_upstream));
    let mut back = pin!(pass(from_upstream, to_caller));
    let (is_out, first) = poll_fn(|cx| match out.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready((true, ended)),
        Poll::Pending => back.as_mut().poll(cx).map(|ended| (false, ended)),
    })
    .await;
    first?;
    // The other end has seen the end of this direction. Its remaining bytes are forwarded, for a limited time.
    let rest = if is_out {
        timeout(LINGER, back).await
    } else {
        timeout(LINGER, out).await
    };
    rest.unwrap_or(Ok(()))
}

/// Copies the bytes of one direction, and its end.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}
