//! Does to a request and a response what the route says, in Envoy's order.

use std::fmt::Write as _;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};

use super::machine::{Choice, Decision, Matched, View, choose};
use super::{Destination, HeaderOperations, TrafficSplitPolicy};
use crate::base::authority::{authority, scheme, split_port, with_authority};
use crate::base::{Answer, Rejection, RequestHead};

const ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-envoy-original-host");
const ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");

/// What a traffic split decided about a request; the request carries it in its extensions.
#[derive(Clone, Debug)]
pub struct Routed {
    destination: Destination,
    route: usize,
    route_name: Option<Arc<str>>,
}

impl Routed {
    /// Returns what was decided about `request`, if it went through a traffic split.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Where it goes.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The place of its route in [`TrafficSplitPolicy::routes`].
    #[must_use]
    pub const fn route(&self) -> usize {
        self.route
    }

    /// The name of its route, if that has one.
    #[must_use]
    pub fn route_name(&self) -> Option<&str> {
        self.route_name.as_deref()
    }
}

/// What is done to the headers of a response.
#[derive(Clone, Debug, Default)]
pub(super) struct OnResponse {
    destination: HeaderOperations,
    route: HeaderOperations,
}

impl OnResponse {
    fn to(choice: Choice<'_>, head: RequestHead<'_>) -> Self {
        Self {
            destination: choice.weighted().response_headers.resolved(head),
            route: choice.matched().route().response_headers.resolved(head),
        }
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        self.destination.apply_to_response(headers);
        self.route.apply_to_response(headers);
    }
}

/// What is to be done with a request, once it has been changed as it should be.
pub(super) enum Next {
    Answer(Response<Answer>),
    Forward {
        destination: usize,
        on_response: OnResponse,
        route: usize,
    },
    PassThrough,
    Reject(Rejection),
}

/// Decides about a request, and changes it.
pub(super) fn decide<B>(policy: &TrafficSplitPolicy, request: &mut Request<B>, roll: u64) -> Next {
    let head = RequestHead::of(request);
    let view = View::of(head, policy);
    match choose(policy, &view, roll) {
        Decision::NoRoute => Next::Reject(Rejection::NoRoute),
        Decision::PassThrough => Next::PassThrough,
        Decision::DirectResponse(matched, direct) => {
            Next::answer(direct.response(head.is_grpc()), matched, head)
        }
        Decision::Redirect(matched, redirect) => match redirect.response(&view, matched) {
            Some(response) => Next::answer(response, matched, head),
            None => Next::Reject(Rejection::NoRoute),
        },
        Decision::Forward(choice) => {
            let on_response = OnResponse::to(choice, head);
            let normal = view.changed_path().map(str::to_owned);
            let rewritten = rewritten_path(choice.matched(), view.path());
            change(request, choice, normal, rewritten);
            Next::Forward {
                destination: choice.destination_index(),
                on_response,
                route: choice.matched().index(),
            }
        }
    }
}

impl Next {
    fn answer(mut response: Response<Answer>, matched: Matched<'_>, head: RequestHead<'_>) -> Self {
        let operations = matched.route().response_headers.resolved(head);
        operations.apply_to_response(response.headers_mut());
        Self::Answer(response)
    }
}

/// Changes a request that goes to a destination: headers, then host, then path, as Envoy does.
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
    choice.weighted().request_headers.apply_to_request(request);
    route.request_headers.apply_to_request(request);
    if let Some(new) = &route.rewrite.authority {
        let head = RequestHead::of(request);
        let original = HeaderValue::from_str(authority(&head));
        if let (Ok(original), Ok(new)) = (original, HeaderValue::from_str(new.as_str())) {
            request.headers_mut().insert(ORIGINAL_HOST, original);
            request.headers_mut().insert(header::HOST, new);
        }
    }
    if let Some(path) = rewritten_path {
        let original = request.uri().path_and_query().map(PathAndQuery::as_str);
        if let Some(Ok(original)) = original.map(HeaderValue::from_str) {
            request.headers_mut().insert(ORIGINAL_PATH, original);
        }
        set_path(request.uri_mut(), &path);
    }
    request.extensions_mut().insert(Routed {
        destination: choice.destination().clone(),
        route: choice.matched().index(),
        route_name: route.shared_name().cloned(),
    });
}

/// Makes the destination the address of a request, as a client needs it that serves them all.
///
/// Says whether the destination has a host that can be addressed at all.
pub(super) fn readdress<B>(request: &mut Request<B>, host_kept: bool) -> bool {
    let head = RequestHead::of(request);
    let (_, port) = split_port(authority(&head));
    let Some(new) = Destination::of(request).and_then(|to| to.authority(port)) else {
        return false;
    };
    let host = if !host_kept && request.headers().contains_key(header::HOST) {
        // It says what the route's rewrite has just put there, or else what the caller did.
        (!request.headers().contains_key(ORIGINAL_HOST)).then(|| new.as_str())
    } else {
        // A host that is not written is read off the address, which is about to change.
        (host_kept && !request.headers().contains_key(header::HOST)).then(|| authority(&head))
    };
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        request.headers_mut().insert(header::HOST, host);
    }
    let scheme = scheme(&RequestHead::of(request)).to_owned();
    let uri = std::mem::take(request.uri_mut());
    *request.uri_mut() = with_authority(uri, new, &scheme);
    true
}

fn rewritten_path(matched: Matched<'_>, path: &str) -> Option<String> {
    let rewrite = matched.route().rewrite.path.as_ref()?;
    // `*`, and nothing at all, are no paths.
    path.starts_with('/').then_some(())?;
    rewrite.rewritten(path, matched.path())
}

/// Sets the path; the query stays.
fn set_path(uri: &mut Uri, path: &str) {
    let query = uri.query().map(|query| format!("?{query}"));
    let path = legal(path) + query.as_deref().unwrap_or_default();
    let Ok(path) = PathAndQuery::try_from(path) else {
        return;
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path);
    *uri = Uri::from_parts(parts).expect("the parts of a URI, with a path that starts with `/`");
}

/// Makes a text a path: it starts with `/`, and has no byte that a URI cannot have.
fn legal(path: &str) -> String {
    let mut legal = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        legal.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                write!(legal, "%{byte:02X}").expect("a string takes every text");
            }
            b'!'..=b'~' => legal.push(char::from(byte)),
            _ => write!(legal, "%{byte:02X}").expect("a string takes every text"),
        }
    }
    legal
}
