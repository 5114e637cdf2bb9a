//! Task of one copy.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::copy::cancellation::Cancellation;
use super::copy::pipe::Progress;
use super::counts::CopyPermit;
use super::{CopyBody, MirrorPolicy, head};
use crate::foundation::body::drain::Drain;
use crate::foundation::outcome::{Failure, MirrorDropReason, Outcome, Rejection};

/// Copy before it is sent.
pub(super) struct CopyTask<M> {
    pub(super) body: CopyBody,
    pub(super) head: Request<()>,
    pub(super) policy: Arc<MirrorPolicy>,
    pub(super) progress: Option<Progress>,
    pub(super) service: Arc<M>,
    pub(super) span_id: u64,
    pub(super) permit: CopyPermit,
    pub(super) cancellation: Cancellation,
}

impl<M, C> CopyTask<M>
where
    M: Service<Request<CopyBody>, Response = Response<C>> + Clone,
    M::Error: 'static,
    C: Body,
{
    /// Sends the copy, reads its response and discards it.
    pub(super) async fn run(self) {
        let Self {
            progress,
            permit: ticket,
            mut cancellation,
            ..
        } = self;
        let request = head::rewrite_headers(self.head, self.body, &self.policy, self.span_id);
        let response = match cancellation.run(call(self.service, request)).await {
            Ok(Ok(response)) => response,
            // An incomplete body fails the call as well; that is not a failure of the mirror.
            Ok(Err(error)) => {
                return match cancellation.verdict() {
                    Some(reason) => ticket.dropped(reason),
                    None => ticket.failed(Failure::of(&error)),
                };
            }
            Err(reason) => return ticket.dropped(reason),
        };
        // A local reply of a policy around the mirror, and not its own response.
        if let Some(rejection) = Rejection::of(&response) {
            match rejection.outcome() {
                Outcome::Rejected => return ticket.dropped(MirrorDropReason::Refused(*rejection)),
                Outcome::Failed(failure) => return ticket.failed(failure),
                _ => {}
            }
        }
        // Not counted before the request is sent: a client that stops reading would cut the request off.
        let is_sent = || progress.as_ref().is_none_or(Progress::is_through);
        let mut drain = pin!(Drain::new(response.into_body()));
        let drained = poll_fn(|cx| drain.as_mut().poll_read(cx, is_sent));
        match cancellation.run(drained).await {
            Ok(Ok(())) => ticket.mirrored(),
            Ok(Err(_)) => match cancellation.verdict() {
                Some(reason) => ticket.dropped(reason),
                None => ticket.failed(Failure::Body),
            },
            // The mirror has answered; the rest of its response is not worth waiting for.
            Err(MirrorDropReason::TimedOut(_)) if is_sent() => {
                ticket.mirrored();
            }
            Err(reason) => ticket.dropped(reason),
        }
    }
}

/// Calls a separate clone, so that a mirror that is not ready delays no other copy.
async fn call<M, C>(service: Arc<M>, request: Request<CopyBody>) -> Result<Response<C>, M::Error>
where
    M: Service<Request<CopyBody>, Response = Response<C>> + Clone,
{
    let mut service = M::clone(&service);
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
