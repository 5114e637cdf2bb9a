//! Without hyper no connection can be taken over.

use std::convert::Infallible;

use http::{Request, Response};

#[derive(Debug)]
pub(super) struct CallersEnd(Infallible);

impl CallersEnd {
    pub(super) const fn of<B>(_request: &mut Request<B>, _tunnels: ()) -> Option<Self> {
        None
    }

    pub(super) fn join<R>(self, _response: Response<R>) -> Result<Response<()>, Response<R>> {
        match self.0 {}
    }
}
