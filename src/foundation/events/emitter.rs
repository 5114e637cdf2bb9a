use std::convert::Infallible;
use std::sync::Arc;

use http::{Extensions, Response};

use super::{Event, EventKind, Observe, TracingObserver};
#[cfg(feature = "istio")]
use crate::foundation::outcome::Origin;
use crate::foundation::outcome::{LocalReplyBody, Rejection, Source};
use crate::foundation::sync::Reloadable;

/// Handle through which a policy reports events: its observer and its source, which clones share.
///
/// Both can be replaced while requests run. They are read only when there is something to report, so a
/// policy without events pays for one pointer.
#[derive(Clone, Debug)]
pub(crate) struct Emitter(Arc<Reloadable<Target>>);

#[derive(Clone, Debug)]
struct Target {
    observe: Arc<dyn Observe>,
    source: Arc<Source>,
}

impl Emitter {
    /// Creates an emitter with an empty source.
    pub(crate) fn new(observe: Arc<dyn Observe>) -> Self {
        Self::with_source(observe, Source::default())
    }

    pub(crate) fn with_source(observe: Arc<dyn Observe>, source: Source) -> Self {
        let source = Arc::new(source);
        Self(Arc::new(Reloadable::new(Target { observe, source })))
    }

    /// Returns an emitter of its own, with the same observer and the same source at one host; an empty name is none.
    pub(crate) fn of_host(&self, host: &str) -> Self {
        let target = Target::clone(&self.0.load());
        let source = Source::clone(&target.source);
        let source = if host.is_empty() {
            source
        } else {
            source.with_host(host)
        };
        Self::with_source(target.observe, source)
    }

    /// Reports an event. Called outside every lock, since an observer may be slow.
    #[cold]
    pub(crate) fn emit(&self, kind: &EventKind) {
        let target = self.0.load();
        target.observe.on_event(&Event::new(kind, &target.source));
    }

    /// Reports an event of another source, such as one that is known only with the request.
    pub(crate) fn emit_from(&self, source: &Arc<Source>, kind: &EventKind) {
        // Not held during foreign code, which may replace the target.
        let observe = Arc::clone(&self.0.load().observe);
        observe.on_event(&Event::new(kind, source));
    }

    /// Reports a rejection of another source, and returns the response to the request.
    #[cfg(feature = "istio")]
    #[cold]
    pub(crate) fn reject_from(
        &self,
        source: &Arc<Source>,
        rejection: Rejection,
        is_grpc: bool,
    ) -> Response<LocalReplyBody> {
        self.emit_from(source, &EventKind::Rejected(rejection));
        local_reply(source, rejection, is_grpc)
    }

    /// Reports a rejection, and returns the response to the request.
    #[cold]
    pub(crate) fn reject(&self, rejection: Rejection, is_grpc: bool) -> Response<LocalReplyBody> {
        self.emit(&EventKind::Rejected(rejection));
        self.local_reply(rejection, is_grpc)
    }

    /// Returns the response to a request whose rejection is reported already.
    #[cold]
    pub(crate) fn local_reply(
        &self,
        rejection: Rejection,
        is_grpc: bool,
    ) -> Response<LocalReplyBody> {
        local_reply(&self.0.load().source, rejection, is_grpc)
    }

    /// Writes the source into the extensions of a response that rejects a request.
    #[cold]
    pub(crate) fn write_source(&self, extensions: &mut Extensions) {
        self.0.load().source.write_to(extensions);
    }

    pub(crate) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.0.load().source)
    }

    /// True if the observer wants the end of each request.
    pub(crate) fn observes_requests(&self) -> bool {
        self.0.load().observe.observes_requests()
    }

    /// Replaces the name, and keeps the rest of the source.
    pub(crate) fn set_name(&self, name: &Arc<str>) {
        self.update(|target| Target {
            source: Arc::new(Source::clone(&target.source).with_name(Arc::clone(name))),
            ..target.clone()
        });
    }

    /// Replaces the observer, and keeps the source.
    pub(crate) fn set_observer(&self, observe: Arc<dyn Observe>) {
        let source = self.source();
        self.0.store(Target { observe, source });
    }

    /// Replaces the place in the documents, and keeps the rest of the source.
    #[cfg(feature = "istio")]
    pub(crate) fn set_origin(&self, origin: Option<&Origin>) {
        // Most changes leave most places as they are.
        if self.0.load().source.origin() != origin {
            self.update(|target| Target {
                source: Arc::new(Source::clone(&target.source).with_origin(origin.cloned())),
                ..target.clone()
            });
        }
    }

    /// Replaces the name of the route, and keeps the rest of the source.
    #[cfg(feature = "istio")]
    pub(crate) fn set_route(&self, route: Option<&Arc<str>>) {
        if self.0.load().source.route() != route.map(|route| &**route) {
            self.update(|target| Target {
                source: Arc::new(Source::clone(&target.source).with_route(route.cloned())),
                ..target.clone()
            });
        }
    }

    fn update(&self, change: impl Fn(&Target) -> Target) {
        let Ok(()) = self
            .0
            .try_update(|target| Ok::<_, Infallible>(change(target)));
    }
}

/// Returns the response to a rejected request, with the source of the rejection.
#[cold]
pub(crate) fn local_reply(
    source: &Arc<Source>,
    rejection: Rejection,
    is_grpc: bool,
) -> Response<LocalReplyBody> {
    let mut response = rejection.into_response(is_grpc);
    source.write_to(response.extensions_mut());
    response
}

/// Reports to the [`TracingObserver`], without a source.
impl Default for Emitter {
    fn default() -> Self {
        Self::new(Arc::new(TracingObserver))
    }
}

/// Defines the name of a layer, and the access to its emitter.
macro_rules! named {
    ($self:ident => $emitter:expr) => {
        /// Sets the name by which events, rejections and spans identify this layer, such as that of
        /// its upstream; see [`Source`](crate::events::Source). The default is none.
        ///
        /// Clones of the layer, and services that it has already made, have the same name.
        #[must_use]
        pub fn named($self, name: impl Into<std::sync::Arc<str>>) -> Self {
            $self.emitter().set_name(&name.into());
            $self
        }

        /// Returns the handle through which the layer reports events.
        pub(crate) fn emitter(&$self) -> $crate::foundation::events::Emitter {
            $emitter
        }
    };
}

pub(crate) use named;
