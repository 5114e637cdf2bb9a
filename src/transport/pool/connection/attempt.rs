//! Connection attempts.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::Connection;
use hyper_util::rt::TokioTimer;
use tower_service::Service;

use super::driver::{self, ConnectionDriver};
use super::io::{ConnectionPermit, Io};
use super::wire::Wire;
use crate::foundation::outcome::{BoxError, PoolError};
use crate::transport::pool::key::PoolKey;
use crate::transport::pool::machine::PoolId;
use crate::transport::pool::policy::PoolPolicy;
use crate::transport::pool::request_sender::{Proxy, RequestSender};
use crate::transport::pool::shared::Shared;
use crate::transport::pool::shared::control::{Control, ControlReceiver};
use crate::transport::pool::tasks::OwnTasks;

/// A connection attempt. Dropping it before completion fails the attempt, so that no waiter is left
/// waiting.
pub(in crate::transport::pool) struct Attempt {
    control: Option<ControlReceiver>,
    id: PoolId,
    is_over: bool,
    key: PoolKey,
    shared: Arc<Shared>,
}

impl Attempt {
    pub(in crate::transport::pool) const fn new(
        shared: Arc<Shared>,
        id: PoolId,
        key: PoolKey,
        control: ControlReceiver,
    ) -> Self {
        Self {
            control: Some(control),
            id,
            is_over: false,
            key,
            shared,
        }
    }

    /// Connects, and then drives the connection until it is closed.
    pub(in crate::transport::pool) async fn run<C>(mut self, connector: C)
    where
        C: Service<Uri>,
        C::Response: Connection + Read + Write + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
    {
        let mut control = self.control.take().expect("run once");
        let policy = **self.shared.policy.load();
        let made = {
            let work = self.connect(connector, &policy);
            let work = async {
                match policy.connect_timeout() {
                    None => work.await,
                    Some(limit) => tokio::time::timeout(limit, work)
                        .await
                        .unwrap_or(Err(PoolError::ConnectTimeout(limit))),
                }
            };
            let mut work = pin!(work);
            poll_fn(|cx| {
                if let Poll::Ready(made) = work.as_mut().poll(cx) {
                    return Poll::Ready(Some(made));
                }
                // A closed channel means that the pool does not need the connection any more.
                while let Poll::Ready(word) = control.poll_recv(cx) {
                    match word {
                        None | Some(Control::Abort) => return Poll::Ready(None),
                        // An attempt has no lifetime to check and no sender to take back.
                        Some(Control::Check | Control::Return(_)) => {}
                    }
                }
                Poll::Pending
            })
            .await
        };
        let (sender, driven) = match made {
            Some(Ok(made)) => made,
            Some(Err(error)) => return self.fail(&error, false),
            None => return,
        };
        if !self.shared.connected(self.id, sender) {
            return self.fail(&PoolError::Stopped, false);
        }
        self.is_over = true;
        driver::drive(&self.shared, self.id, driven, control).await;
    }

    async fn connect<C>(
        &self,
        mut connector: C,
        policy: &PoolPolicy,
    ) -> Result<(RequestSender, ConnectionDriver<Io<Wire>>), PoolError>
    where
        C: Service<Uri>,
        C::Response: Connection + Read + Write + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
    {
        let io = if let Some(dialling) = self.key.dial() {
            dialling.await.map_err(failed)?
        } else {
            let ready = poll_fn(|cx| connector.poll_ready(cx)).await;
            ready.map_err(failed)?;
            Wire::new(connector.call(self.key.uri()).await.map_err(failed)?)
        };
        let known = io.connected();
        let mut io = Io::new(io, ConnectionPermit::new(Arc::clone(&self.shared), self.id));
        if policy.http2() || known.is_negotiated_h2() {
            let preface = io.preface();
            let tasks = OwnTasks::default();
            let mut builder = http2::Builder::new(tasks.executor());
            if let Some((interval, timeout)) = policy.http2_keep_alive() {
                builder
                    .timer(TokioTimer::new())
                    .keep_alive_interval(interval)
                    .keep_alive_timeout(timeout)
                    // Envoy sends them without a request in flight, too.
                    .keep_alive_while_idle(true);
            }
            let (sender, conn) = builder.handshake(io).await.map_err(failed)?;
            let driven = ConnectionDriver::many(conn, preface, tasks);
            return Ok((RequestSender::Many(sender), driven));
        }
        let (sender, conn) = http1::handshake(io).await.map_err(failed)?;
        let proxy = known.is_proxied().then(|| Proxy {
            authorization: self.key.proxy_authorization(),
        });
        let driven = ConnectionDriver::One(Box::pin(async {
            // The error is reported to the request on the connection.
            let _ = conn.with_upgrades().await;
        }));
        Ok((RequestSender::One { proxy, sender }, driven))
    }

    fn fail(&mut self, error: &PoolError, for_all: bool) {
        self.is_over = true;
        self.shared.failed(self.id, error, for_all);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_over {
            self.fail(&PoolError::Stopped, true);
        }
    }
}

fn failed<E: Into<BoxError>>(error: E) -> PoolError {
    let error: BoxError = error.into();
    match error.downcast() {
        Ok(known) => *known,
        Err(error) => PoolError::Connect(error.into()),
    }
}
