use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::host_table::HostTable;
use super::origin::OriginRef;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::BoxError;
use crate::foundation::sync::sharded_arc::ShardedArcRef;
use crate::mesh::stack::{self, OutboundStack};
use crate::policies::retry::ReplayBody;

/// A service inside an [`OutboundPerHost`](super::OutboundPerHost) stack.
///
/// Its inner service takes requests with a [`ReplayBody`]. Clones share all state.
#[derive(Clone)]
pub struct OutboundPerHostService<S> {
    inner: S,
    table: ShardedArcRef<HostTable>,
}

impl<S> OutboundPerHostService<S> {
    pub(super) const fn new(inner: S, table: ShardedArcRef<HostTable>) -> Self {
        Self { inner, table }
    }
}

impl<S> Debug for OutboundPerHostService<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundPerHostService")
            .field("hosts", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for OutboundPerHostService<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: 'static,
    B: Body,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError> + 'static,
{
    type Response = <OutboundStack<S> as Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <OutboundStack<S> as Service<Request<B>>>::Future;

    /// Forwards to the transport: which host is called is not known yet, and no stack waits here.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let stack = self.table.stack(OriginRef::of(&RequestHead::of(&request)));
        // The transport that is ready makes the call; its clone stays for the next one.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        stack::around(stack, ready).call(request)
    }
}
