//! Requests as the transport gets them.

pub(crate) mod consumed;
pub(crate) mod internal_headers;
pub(crate) mod mesh_transport;
pub(crate) mod mirrored_body;
pub(crate) mod request_body;
pub(crate) mod to_transport;
