use std::sync::Arc;

use http::{Extensions, HeaderMap, Response};

use super::external::CheckResponse;
use crate::foundation::admission::{ReplyText, Ticket};
use crate::foundation::http::ResponseHead;
use crate::foundation::outcome::{Failure, Outcome, Source};

/// Ticket of a request that the policies allow, or deny.
#[derive(Debug)]
pub struct AuthorizationTicket(pub(super) Held);

#[derive(Debug)]
pub(super) enum Held {
    Checked(Box<Checked>),
    Denied(Box<Denied>),
    Nothing,
}

/// Decision of an external authorizer; none if it failed.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) result: Option<CheckResponse>,
    pub(super) source: Arc<Source>,
}

/// Reply to a request that is denied.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) reply: Option<CheckResponse>,
    pub(super) source: Arc<Source>,
}

impl Ticket for AuthorizationTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn wants_outcome(&self) -> bool {
        false
    }

    #[inline]
    fn is_active(&self) -> bool {
        !matches!(self.0, Held::Nothing)
    }

    fn forward(&mut self, headers: &mut HeaderMap) -> bool {
        let Held::Checked(checked) = &self.0 else {
            return false;
        };
        let Some(CheckResponse::Allowed {
            request_headers, ..
        }) = &checked.result
        else {
            return false;
        };
        replace(headers, request_headers);
        !request_headers.is_empty()
    }

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        if let Held::Checked(checked) = &self.0
            && let Some(CheckResponse::Allowed {
                response_headers, ..
            }) = &checked.result
        {
            let all = response_headers.iter();
            headers.extend(all.map(|(name, value)| (name.clone(), value.clone())));
        }
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        if let Held::Denied(denied) = &self.0 {
            denied.source.write_to(extensions);
        }
    }

    fn handle_response<R>(&mut self, response: &mut Response<R>, _outcome: Option<Outcome>) {
        // An external authorizer denies with a response of its own; that of gRPC stays 200.
        if let Held::Denied(denied) = &mut self.0
            && let Some(CheckResponse::Denied {
                body,
                headers,
                status,
            }) = denied.reply.take()
        {
            if !response.headers().contains_key("grpc-status") {
                *response.status_mut() = status;
                response.extensions_mut().insert(ReplyText(body));
            }
            replace(response.headers_mut(), &headers);
        }
        self.on_response(ResponseHead::of(response));
        self.write_headers(response.headers_mut());
        self.write_extensions(response.extensions_mut());
    }
}

/// Replaces headers by those of the same names.
pub(super) fn replace(headers: &mut HeaderMap, by: &HeaderMap) {
    for name in by.keys() {
        headers.remove(name);
    }
    for (name, value) in by {
        headers.append(name.clone(), value.clone());
    }
}
