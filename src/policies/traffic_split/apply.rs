//! Applies a route to a request and its response, in Envoy's order.

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, header};

use super::actions::path::set_path;
use super::response_actions::ResponseActions;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, with_authority};
use crate::foundation::outcome::{LocalReplyBody, Rejection};
use crate::policies::traffic_split::machine::{Choice, Decision, Matched, choose};
use crate::policies::traffic_split::matching::match_input::MatchInput;
use crate::policies::traffic_split::{Destination, RouteInfo, TrafficSplitPolicy};

const ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-envoy-original-host");
const ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");

/// Result of routing a request, after the request was rewritten.
pub(in crate::policies::traffic_split) enum RouteOutcome<'p> {
    LocalReply(Response<LocalReplyBody>),
    Forward {
        choice: Choice<'p>,
        response_actions: ResponseActions,
        /// The port in the request's authority, if it has one.
        port: Option<u16>,
    },
    PassThrough,
    Reject(Rejection),
}

/// Routes a request and rewrites it.
pub(in crate::policies::traffic_split) fn decide<'p, B>(
    policy: &'p TrafficSplitPolicy,
    request: &mut Request<B>,
    random: u64,
) -> RouteOutcome<'p> {
    let port = |input: &MatchInput<'_>| input.addressed().explicit_port;
    decide_by(policy, request, |input| choose(policy, input, random), port)
}

/// Applies the decision of `choose` to a request; `port` reads the request's port, for callers that
/// need it.
pub(in crate::policies::traffic_split) fn decide_by<'p, B>(
    policy: &TrafficSplitPolicy,
    request: &mut Request<B>,
    choose: impl FnOnce(&MatchInput<'_>) -> Decision<'p>,
    port: impl FnOnce(&MatchInput<'_>) -> Option<u16>,
) -> RouteOutcome<'p> {
    let head = RequestHead::of(request);
    let input = MatchInput::of(head, policy);
    match choose(&input) {
        Decision::NoRoute => RouteOutcome::Reject(Rejection::NoRoute),
        Decision::PassThrough => RouteOutcome::PassThrough,
        Decision::DirectResponse(matched, direct) => {
            RouteOutcome::local_reply(direct.response(head.is_grpc()), matched, head)
        }
        Decision::Redirect(matched, redirect) => match redirect.response(&input, matched) {
            Some(response) => RouteOutcome::local_reply(response, matched, head),
            // The location is not a valid header value; a redirect without one would be useless.
            None => RouteOutcome::Reject(Rejection::NoRoute),
        },
        Decision::Forward(choice) => {
            // Resolved before the rewrite changes the headers that its values refer to.
            let response_actions = ResponseActions::new(choice, head);
            // Read before `change`: the input borrows the request, and its path is the normalized
            // one.
            let normal = input.changed_path().map(str::to_owned);
            let rewritten = rewritten_path(choice.matched(), input.path());
            let port = port(&input);
            change(request, choice, normal, rewritten);
            RouteOutcome::Forward {
                choice,
                response_actions,
                port,
            }
        }
    }
}

impl RouteOutcome<'_> {
    fn local_reply(
        mut response: Response<LocalReplyBody>,
        matched: Matched<'_>,
        head: RequestHead<'_>,
    ) -> Self {
        let operations = matched.route().response_headers.resolved(head);
        operations.apply_to_response(response.headers_mut());
        Self::LocalReply(response)
    }
}

/// Rewrites a request to a destination: headers, then host, then path, as Envoy does.
fn change<B>(
    request: &mut Request<B>,
    choice: Choice<'_>,
    normal_path: Option<String>,
    rewritten_path: Option<String>,
) {
    let route = choice.matched().route();
    if let Some(path) = normal_path {
        set_path(request.uri_mut(), &path);
    }
    // The destination's operations come first, as in Envoy: those of the route can overwrite them.
    choice.weighted().request_headers.apply_to_request(request);
    route.request_headers.apply_to_request(request);
    if let Some(new) = &route.rewrite.authority {
        let head = RequestHead::of(request);
        let original = HeaderValue::from_str(authority(&head));
        // Both or neither: a rewrite must not lose the original host.
        if let (Ok(original), Ok(new)) = (original, HeaderValue::from_str(new.as_str())) {
            request.headers_mut().insert(ORIGINAL_HOST, original);
            request.headers_mut().insert(header::HOST, new);
        }
    }
    if let Some(path) = rewritten_path {
        // The path in its normalized form, which was set above.
        let original = request.uri().path_and_query().map(PathAndQuery::as_str);
        if let Some(Ok(original)) = original.map(HeaderValue::from_str) {
            request.headers_mut().insert(ORIGINAL_PATH, original);
        }
        set_path(request.uri_mut(), &path);
    }
    request
        .extensions_mut()
        .insert(RouteInfo::from_choice(choice));
}

/// Sets the authority of a request's URI to the destination, for a client that serves all of them;
/// `port` is that of the request.
///
/// Returns false if the destination's host cannot be part of a URI.
pub(in crate::policies::traffic_split) fn set_authority<B>(
    request: &mut Request<B>,
    destination: &Destination,
    port: Option<u16>,
    host: Host,
) -> bool {
    let Some(new) = destination.authority(port) else {
        return false;
    };
    let head = RequestHead::of(request);
    let written = head.headers().contains_key(header::HOST);
    let host = match host {
        // Without a `Host` header the host is that of the URI, which is about to change.
        Host::Preserved => (!written).then(|| authority(&head)),
        Host::OfDestination => written.then(|| new.as_str()),
        Host::Rewritten => None,
    };
    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
    // What a header says of it is about another hop, and anybody can write it.
    let scheme = head.uri().scheme().cloned().unwrap_or(Scheme::HTTP);
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
    let uri = std::mem::take(request.uri_mut());
    *request.uri_mut() = with_authority(uri, new, scheme);
    true
}

/// Value of the `Host` header of a request that is sent to another authority.
#[derive(Clone, Copy, Debug)]
pub(in crate::policies::traffic_split) enum Host {
    /// The caller's value.
    Preserved,
    /// The destination.
    OfDestination,
    /// The value set by the route's rewrite.
    Rewritten,
}

fn rewritten_path(matched: Matched<'_>, path: &str) -> Option<String> {
    let rewrite = matched.route().rewrite.path.as_ref()?;
    // `*` (of OPTIONS) and an empty path (of CONNECT) are not rewritten.
    path.starts_with('/').then_some(())?;
    rewrite.rewritten(path, matched.path())
}
