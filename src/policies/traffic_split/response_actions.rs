use http::{HeaderMap, HeaderValue, header};

use crate::foundation::http::RequestHead;
use crate::policies::traffic_split::HeaderOperations;
#[cfg(feature = "istio")]
use crate::policies::traffic_split::Route;
use crate::policies::traffic_split::machine::Choice;

/// Changes to the headers of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseActions {
    /// Boxed: few responses set a cookie.
    cookie: Option<Box<HeaderValue>>,
    destination: HeaderOperations,
    route: HeaderOperations,
}

impl ResponseActions {
    pub(in crate::policies::traffic_split) fn new(
        choice: Choice<'_>,
        head: RequestHead<'_>,
    ) -> Self {
        Self {
            cookie: choice.set_cookie().map(Box::new),
            destination: choice.weighted().response_headers.resolved(head),
            route: choice.matched().route().response_headers.resolved(head),
        }
    }

    /// Returns the response actions of a route without a destination.
    #[cfg(feature = "istio")]
    pub(in crate::policies::traffic_split) fn of_route(
        route: &Route,
        head: RequestHead<'_>,
    ) -> Self {
        Self {
            route: route.response_headers.resolved(head),
            ..Self::default()
        }
    }

    #[cfg(feature = "istio")]
    pub(in crate::policies::traffic_split) fn without_cookie(self) -> Self {
        Self {
            cookie: None,
            ..self
        }
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        self.destination.apply_to_response(headers);
        self.route.apply_to_response(headers);
        if let Some(cookie) = &self.cookie {
            headers.append(header::SET_COOKIE, HeaderValue::clone(cookie));
        }
    }
}
