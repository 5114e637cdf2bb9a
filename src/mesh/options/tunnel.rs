//! Carries the bytes of a protocol that a caller and an upstream of a gateway have switched to.

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
use tokio::sync::watch;
use tokio::time::timeout;

/// How long one direction may outlast the other.
const LINGER: Duration = Duration::from_secs(5);

/// Owner of the tunnels of a mesh: they end with its last clone.
///
/// Each is a task, which ends when either of its connections does. There are no more than callers that are
/// let in, and than the limits of their destinations allow.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct Tunnels(Arc<watch::Sender<()>>);

impl Default for Tunnels {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

/// Caller's end of a tunnel that may be made.
#[derive(Debug)]
pub(in crate::mesh) struct CallersEnd {
    caller: OnUpgrade,
    owner: watch::Receiver<()>,
    runtime: Handle,
}

impl CallersEnd {
    /// Takes the connection of a caller, if its server can hand it out.
    pub(in crate::mesh) fn of<B>(request: &mut Request<B>, tunnels: &Tunnels) -> Option<Self> {
        Some(Self {
            caller: request.extensions_mut().remove()?,
            owner: tunnels.0.subscribe(),
            runtime: Handle::try_current().ok()?,
        })
    }

    /// Makes the tunnel, which holds the body of the response until it ends, and with it all that the
    /// layers keep for the request; the body is given back if its transport cannot hand out the
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
                tracing::debug!(%error, "a tunnel broke off");
            }
            drop(body);
        });
        Ok(Response::from_parts(head, ()))
    }
}

/// Works until that is done, or until the owner is gone.
async fn until_gone<T>(mut owner: watch::Receiver<()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut gone, mut work) = (pin!(owner.changed()), pin!(work));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        // It never changes.
        Poll::Pending => gone.as_mut().poll(cx).map(|_| None),
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
    // The other end has heard of it. What it still says is passed on, but it does not keep both open.
    let rest = if is_out {
        timeout(LINGER, back).await
    } else {
        timeout(LINGER, out).await
    };
    rest.unwrap_or(Ok(()))
}

/// Passes on what comes in one direction, and its end.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}
