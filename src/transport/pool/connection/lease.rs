//! The use of a connection by one request.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::body::{PoolBody, Sent};
use crate::transport::pool::key::{Form, Original};
use crate::transport::pool::machine::{Grant, Look};
use crate::transport::pool::request_sender::RequestSender;
use crate::transport::pool::shared::Shared;

/// Milliseconds that a connection is looked at if it is the first to its authority that is used again, and if
/// its authority closed the last one then.
const SHORT_LOOK: u32 = 3;
const LONG_LOOK: u32 = 100;

/// The use of a connection by one request.
///
/// Dropped before sending, the connection goes to the next waiter. Dropped later, the request
/// counts as cancelled: an HTTP/1 connection is closed, since the rest of the exchange is still on
/// it.
#[derive(Debug)]
pub(in crate::transport::pool) struct Lease {
    grant: Grant,
    is_sent: bool,
    sender: Option<RequestSender>,
    shared: Arc<Shared>,
}

/// Error of sending a request.
pub(in crate::transport::pool) enum SendError {
    /// The request was not written: its reused connection had been closed meanwhile.
    Retry(Box<Request<Sent>>),
    Failed(hyper::Error),
}

impl Lease {
    pub(in crate::transport::pool) const fn new(
        shared: Arc<Shared>,
        grant: Grant,
        sender: RequestSender,
    ) -> Self {
        Self {
            grant,
            is_sent: false,
            sender: Some(sender),
            shared,
        }
    }

    /// Returns true if the connection has to be [looked at](Self::looked_at) before it is used.
    pub(in crate::transport::pool) const fn has_to_be_looked_at(&self) -> bool {
        !matches!(self.grant.look, Look::None)
            && matches!(self.sender, Some(RequestSender::One { .. }))
    }

    /// Looks whether the connection still lives; returns nothing, and gives it up, if its server has closed
    /// it.
    ///
    /// Its task knows only what the runtime has heard of the socket. A turn of the runtime hears what is
    /// there; what comes a moment later, from a server that closes after each answer, takes a moment.
    pub(in crate::transport::pool) async fn looked_at(mut self) -> Option<Self> {
        let looks = match self.grant.look {
            Look::Long => LONG_LOOK,
            Look::None | Look::Turn => 0,
            Look::Short => SHORT_LOOK,
        };
        tokio::task::yield_now().await;
        for _ in 0..looks {
            if self.sender.as_ref().is_none_or(RequestSender::is_closed) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if self
            .sender
            .as_ref()
            .is_some_and(|sender| !sender.is_closed())
        {
            return Some(self);
        }
        if let Some(sender) = self.sender.take() {
            self.shared.spoilt(self.grant.conn, sender);
        }
        None
    }

    /// Sends a request; the place is free again when the response's body has ended.
    pub(in crate::transport::pool) async fn send(
        mut self,
        mut request: Request<Sent>,
    ) -> Result<Response<PoolBody>, SendError> {
        let sender = self.sender.as_mut().expect("a lease has its sender");
        let form = sender.form(&request);
        let is_connect = request.method() == Method::CONNECT;
        let mut original = Original::prepare(&mut request, form, self.grant.is_last);
        if form == Form::Absolute
            && let RequestSender::One { proxy, .. } = sender
            && let Some(authorization) = proxy.as_ref().and_then(|p| p.authorization.as_ref())
            && !request.headers().contains_key(header::PROXY_AUTHORIZATION)
        {
            let name = header::PROXY_AUTHORIZATION;
            request.headers_mut().insert(name, authorization.clone());
            original.is_authorized = true;
        }
        self.is_sent = true;
        let result = match sender {
            RequestSender::One { sender, .. } => sender.try_send_request(request).await,
            RequestSender::Many(sender) => sender.try_send_request(request).await,
        };
        match result {
            Ok(response) => Ok(self.into_response(response, is_connect)),
            Err(error) => Err(self.send_error(error, original)),
        }
    }

    fn into_response(self, response: Response<Incoming>, is_connect: bool) -> Response<PoolBody> {
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS || (is_connect && status.is_success()) {
            // The upgraded connection belongs to its new owner, and counts until that drops it.
            let mut this = self;
            if matches!(this.sender, Some(RequestSender::One { .. })) {
                this.sender = None;
            }
            return response.map(|body| PoolBody::upstream(body, this));
        }
        response.map(|body| PoolBody::upstream(body, self))
    }

    fn send_error(&self, mut error: TrySendError<Request<Sent>>, original: Original) -> SendError {
        match error.take_message() {
            // hyper returns the request only if nothing of it was written. On a new connection this
            // means a server that refuses requests: sending again would loop.
            Some(mut request) if self.grant.is_reused => {
                original.restore(&mut request);
                SendError::Retry(Box::new(request))
            }
            _ => SendError::Failed(error.into_error()),
        }
    }

    /// Returns the connection to the pool after the end of the response.
    pub(in crate::transport::pool) fn end(mut self) {
        if let Some(sender) = self.sender.take() {
            self.shared.put_back(self.grant.conn, sender);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(sender) = self.sender.take() else {
            return;
        };
        if self.is_sent {
            self.shared.broken_off(self.grant.conn, sender);
        } else {
            self.shared.hand_back(self.grant.conn, sender);
        }
    }
}
