//! A row of the table.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::Instant;

use http::Response;
use http_body::Body;
use tower::Service;

use crate::load::{Load, exchange, load};
use crate::message::{Req, request, request_from_peer};
use crate::upstream::Upstream;

/// How a case is called: one service for all calls, or a clone for each as axum makes it; an upstream
/// that is ready, or pending once.
pub const MODES: [&str; 4] = ["ready", "pending once", "ready, cloned", "pending, cloned"];

/// What is subtracted from a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Floor {
    /// Nothing: it is a floor itself.
    None,
    /// The same call without a layer.
    Bare,
    /// The same with an address in the request.
    BareFromPeer,
    /// reqwest-middleware with nothing but the answer.
    Middleware,
}

/// Makes a load when it is needed. Needs a runtime.
pub type Make = Box<dyn Fn() -> Box<dyn Load>>;

/// Some work, in up to four ways.
pub struct Case {
    /// What is to be done.
    pub work: &'static str,
    /// By what.
    pub by: &'static str,
    /// What of it is not the layer's.
    pub floor: Floor,
    /// One load for each of [`MODES`].
    pub loads: [Option<Make>; 4],
}

impl Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.work, self.by)
    }
}

/// Creates a case of a service that can be cloned.
pub fn case<S, R>(work: &'static str, by: &'static str, make: fn(Upstream) -> S) -> Case
where
    S: Service<Req, Response = Response<R>> + Clone + 'static,
    S::Error: Debug,
    R: Body + 'static,
    R::Error: Debug,
{
    with_request(request, work, by, Floor::Bare, make)
}

/// Creates a case whose requests tell who sent them.
pub fn from_peer<S, R>(work: &'static str, by: &'static str, make: fn(Upstream) -> S) -> Case
where
    S: Service<Req, Response = Response<R>> + Clone + 'static,
    S::Error: Debug,
    R: Body + 'static,
    R::Error: Debug,
{
    with_request(request_from_peer, work, by, Floor::BareFromPeer, make)
}

/// Creates a case of a service that cannot be cloned.
pub fn held_only<S, R>(work: &'static str, by: &'static str, make: fn(Upstream) -> S) -> Case
where
    S: Service<Req, Response = Response<R>> + 'static,
    S::Error: Debug,
    R: Body + 'static,
    R::Error: Debug,
{
    let held = |pending| lazily(move || held(request, make(Upstream { pending })));
    Case {
        work,
        by,
        floor: Floor::Bare,
        loads: [held(false), held(true), None, None],
    }
}

/// Creates the cases that others are measured against; the first one reads the clock.
pub fn floors() -> Vec<Case> {
    let clock = || {
        load(
            || (),
            |()| {
                black_box(Instant::now());
            },
        )
    };
    let clock = direct("clock", "Instant::now()", clock);
    let none = Floor::None;
    let bare = with_request(request, "bare", "no layer", none, |u| u);
    let peer = with_request(request_from_peer, "bare", "with an address", none, |u| u);
    vec![clock, bare, peer]
}

/// Creates a case of something that is no service.
pub fn direct(
    work: &'static str,
    by: &'static str,
    make: impl Fn() -> Box<dyn Load> + 'static,
) -> Case {
    Case {
        work,
        by,
        floor: Floor::None,
        loads: [lazily(make), None, None, None],
    }
}

/// Keeps a load for later.
pub fn lazily(make: impl Fn() -> Box<dyn Load> + 'static) -> Option<Make> {
    Some(Box::new(make))
}

fn with_request<S, R>(
    request: fn() -> Req,
    work: &'static str,
    by: &'static str,
    floor: Floor,
    make: fn(Upstream) -> S,
) -> Case
where
    S: Service<Req, Response = Response<R>> + Clone + 'static,
    S::Error: Debug,
    R: Body + 'static,
    R::Error: Debug,
{
    let held = |pending| lazily(move || held(request, make(Upstream { pending })));
    let cloned = |pending| {
        lazily(move || {
            let service = make(Upstream { pending });
            load(request, move |request| {
                exchange(&mut service.clone(), request);
            })
        })
    };
    Case {
        work,
        by,
        floor,
        loads: [held(false), held(true), cloned(false), cloned(true)],
    }
}

fn held<S, R>(request: fn() -> Req, mut service: S) -> Box<dyn Load>
where
    S: Service<Req, Response = Response<R>> + 'static,
    S::Error: Debug,
    R: Body + 'static,
    R::Error: Debug,
{
    load(request, move |request| exchange(&mut service, request))
}
