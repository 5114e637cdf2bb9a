use std::pin::{Pin, pin};

use bytes::{Buf, Bytes};
use http_body::{Body, SizeHint};
use http_body_util::BodyExt;

/// A body that is boxed on its first frame read, and never if it is read as a whole.
#[derive(Debug)]
pub(in crate::transport::client) struct LazyPin<R> {
    // Exactly one of the two is set until `bytes`, which takes the body.
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
}

impl<R: Body<Data = Bytes>> LazyPin<R> {
    /// Reads the body to its end.
    pub(in crate::transport::client) async fn bytes(self) -> Result<Bytes, R::Error> {
        match self.pinned {
            Some(mut body) => bytes(body.as_mut()).await,
            None => bytes(pin!(self.free.expect(FILLED))).await,
        }
    }
}

async fn bytes<R: Body<Data = Bytes>>(mut body: Pin<&mut R>) -> Result<Bytes, R::Error> {
    let mut first = Bytes::new();
    // Most bodies have one frame, which needs no list of frames.
    while first.is_empty() {
        match body.frame().await {
            Some(frame) => first = frame?.into_data().unwrap_or_default(),
            None => return Ok(first),
        }
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let rest = body.collect().await?.aggregate();
    if rest.remaining() == 0 {
        return Ok(first);
    }
    let mut all = first.chain(rest);
    Ok(all.copy_to_bytes(all.remaining()))
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
