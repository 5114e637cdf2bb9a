use http::{HeaderMap, HeaderValue, header};

use super::HeaderOperations;
use super::machine::Choice;
use crate::base::RequestHead;

/// What is done to the headers of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnResponse {
    /// Boxed: few responses give one out.
    cookie: Option<Box<HeaderValue>>,
    destination: HeaderOperations,
    route: HeaderOperations,
}

impl OnResponse {
    pub(super) fn to(choice: Choice<'_>, head: RequestHead<'_>) -> Self {
        Self {
            cookie: choice.set_cookie().map(Box::new),
            destination: choice.weighted().response_headers.resolved(head),
            route: choice.matched().route().response_headers.resolved(head),
        }
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        self.destination.apply_to_response(headers);
        self.route.apply_to_response(headers);
        if let Some(cookie) = &self.cookie {
            headers.append(header::SET_COOKIE, HeaderValue::clone(cookie));
        }
    }
}
