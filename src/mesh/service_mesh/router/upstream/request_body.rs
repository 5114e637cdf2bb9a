use super::mirrored_body::MirroredBody;
use crate::foundation::body::body_enum;
use crate::foundation::outcome::BoxError;
use crate::policies::mirror::CopyBody;
use crate::policies::retry::ReplayBody;

body_enum! {
    /// Body of a request as the transport receives it: the caller's, which may be replayed, or that of a mirrored
    /// copy.
    ///
    /// `B` is the body of the caller's request.
    pub struct RequestBody<B> of Source / SourceProj {
        Copy(CopyBody) => Into::into,
        Request(ReplayBody<MirroredBody<B>>),
    }
    type Error = BoxError;
    default Copy;
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
}

impl<B> RequestBody<B> {
    pub(in crate::mesh) const fn copy(body: CopyBody) -> Self {
        Self(Source::Copy(body))
    }

    pub(in crate::mesh) const fn request(body: ReplayBody<MirroredBody<B>>) -> Self {
        Self(Source::Request(body))
    }
}
