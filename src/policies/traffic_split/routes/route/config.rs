use super::{Route, RouteTarget};
use crate::foundation::config::{Invalid, Recorded, Unset, record};
use crate::policies::traffic_split::{
    DirectResponse, HashPolicy, HeaderOperations, Match, Redirect, Rewrite, WeightedDestination,
};

record! {
    RouteFields {
        name: Unset<String>,
        matches: Vec<Match>,
        destinations: Vec<WeightedDestination>,
        redirect: Option<Redirect>,
        direct_response: Option<DirectResponse>,
        rewrite: Rewrite,
        request_headers: HeaderOperations,
        response_headers: HeaderOperations,
        hash_policy: Option<HashPolicy>,
    }
}

impl Recorded for Route {
    const NAME: &'static str = "route";
    type Fields = RouteFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(RouteFields {
            name: Unset(None),
            matches: Vec::new(),
            destinations: Vec::new(),
            redirect: None,
            direct_response: None,
            rewrite: Rewrite::none(),
            request_headers: HeaderOperations::none(),
            response_headers: HeaderOperations::none(),
            hash_policy: None,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RouteFields {
            name,
            matches,
            destinations,
            redirect,
            direct_response,
            rewrite,
            request_headers,
            response_headers,
            hash_policy,
        } = fields;
        let mut route = match (redirect, direct_response) {
            (None, None) => Self::split(destinations)
                .map_err(|error| Invalid::new("destinations", error.to_string()))?,
            (Some(_), _) | (_, Some(_)) if !destinations.is_empty() => {
                let reason = "and `redirect` or `direct_response` exclude each other";
                return Err(Invalid::new("destinations", reason));
            }
            (Some(redirect), None) => Self::redirect(redirect),
            (None, Some(response)) => Self::direct_response(response),
            (Some(_), Some(_)) => {
                let reason = "and `direct_response` exclude each other";
                return Err(Invalid::new("redirect", reason));
            }
        };
        route.matches = matches;
        route.name = name.0.map(Into::into);
        route.hash_policy = hash_policy;
        Ok(route
            .with_rewrite(rewrite)
            .with_request_headers(request_headers)
            .with_response_headers(response_headers))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            action,
            matches,
            name,
            request_headers,
            response_headers,
            rewrite,
            hash_policy,
        } = self.clone();
        let mut fields = RouteFields {
            name: Unset(name.map(|name| name.as_ref().to_owned())),
            matches,
            destinations: Vec::new(),
            redirect: None,
            direct_response: None,
            rewrite,
            request_headers,
            response_headers,
            hash_policy,
        };
        match action {
            RouteTarget::DirectResponse(response) => fields.direct_response = Some(response),
            RouteTarget::Forward(split) => fields.destinations = split.destinations,
            RouteTarget::Redirect(redirect) => fields.redirect = Some(redirect),
        }
        Ok(fields)
    }
}
