//! What a call may allocate, and that nothing of it stays.

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service};

use super::inner::{Act, Inner, Mine};
use super::{Call, Case, RECOVERY, request};
use crate::support::call;

const CALLS: u64 = 100;

/// A copied head, a body that is kept while it is sent, a header more and a new `traceparent`: what the
/// promise allows, all of it together. `tests/allocations` knows it layer by layer.
const ALLOWED: u64 = 3 + 2 + 1 + 1;

/// The inner service keeps a copy of the headers, which allocates if there are any.
const KEPT_HEADERS: u64 = 2;

impl<L, S, R> Case<L>
where
    L: Layer<Inner, Service = S> + Clone + Send + Sync + 'static,
    S: Service<Call, Response = Response<R>, Error = Mine> + Clone + Send + Sync + 'static,
    S::Future: Send + Sync + 'static,
    R: Body<Data = Bytes> + Send + Sync + 'static,
{
    pub(super) fn costs_what_it_may(&self) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let _guard = runtime.enter();
        let inner = Inner::default();
        inner.will(Act::Answer);
        let bare = calls(&runtime, &mut inner.clone()).count_total;

        let layer = (self.fresh)();
        runtime.block_on(tokio::time::advance(RECOVERY));
        let mut service = layer.layer(inner);
        // What is made once, such as a place in a window, is made by the first calls.
        calls(&runtime, &mut service);
        let on = calls(&runtime, &mut service);
        // Promise 7: as much as before is kept, however many calls there were.
        assert!(on.bytes_current <= 0, "{on:?}");
        // Promise 9; what is copied for a mirror is what it is for.
        let above = on.count_total.saturating_sub(bare);
        assert!(
            self.spawning || above <= (ALLOWED + KEPT_HEADERS) * CALLS,
            "{above} allocations of {CALLS} calls"
        );
        (self.off)(&layer);
        calls(&runtime, &mut service);
        let off = calls(&runtime, &mut service);
        assert_eq!(off.count_total, bare, "switched off");
        assert!(off.bytes_current <= 0, "{off:?}");
    }
}

/// Makes calls to the end of their bodies, and lets what they spawned come to its end.
fn calls<S, R>(runtime: &Runtime, service: &mut S) -> AllocationInfo
where
    S: Service<Call, Response = Response<R>, Error = Mine>,
    R: Body<Data = Bytes>,
{
    measure(|| {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let response = call(service, request()).await.unwrap();
                assert!(response.into_body().collect().await.is_ok());
                tokio::task::yield_now().await;
            }
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
    })
}
