use std::pin::{Pin, pin};

use http_body::{Body, SizeHint};
use http_body_util::{BodyExt, Collected};

/// A body that is boxed on its first frame read, and never if it is collected as a whole.
#[derive(Debug)]
pub(in crate::transport::client) struct LazyPin<R> {
    // Exactly one of the two is set until `collect`, which takes the body.
    free: Option<R>,
    pinned: Option<Pin<Box<R>>>,
}

const FILLED: &str = "free until it is pinned";

impl<R: Body> LazyPin<R> {
    pub(in crate::transport::client) fn size_hint(&self) -> SizeHint {
        match (&self.free, &self.pinned) {
            (Some(body), _) => body.size_hint(),
            (None, Some(body)) => body.size_hint(),
            (None, None) => SizeHint::with_exact(0),
        }
    }

    pub(in crate::transport::client) async fn collect(
        self,
    ) -> Result<Collected<R::Data>, R::Error> {
        match self.pinned {
            Some(body) => body.collect().await,
            None => pin!(self.free.expect(FILLED)).collect().await,
        }
    }
}

impl<R> LazyPin<R> {
    pub(in crate::transport::client) const fn new(body: R) -> Self {
        Self {
            free: Some(body),
            pinned: None,
        }
    }

    pub(in crate::transport::client) fn into_pinned(self) -> Pin<Box<R>> {
        self.pinned
            .unwrap_or_else(|| Box::pin(self.free.expect(FILLED)))
    }

    pub(in crate::transport::client) fn pinned(&mut self) -> Pin<&mut R> {
        let free = &mut self.free;
        self.pinned
            .get_or_insert_with(|| Box::pin(free.take().expect(FILLED)))
            .as_mut()
    }
}
