use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::foundation::body::{IntoBytes, body_enum};
use crate::foundation::outcome::BoxError;
use crate::policies::mirror::TeeBody;

body_enum! {
    /// Body of a request that may be copied, to several places too.
    pub struct MirroredBody<B> of Source / SourceProj {
        None(IntoBytes<B>),
        One(TeeBody<B>) => Into::into,
        // Boxed: each copy more is one type more, and few routes have two.
        Several(BoxedBody),
    }
    type Error = BoxError;
    where
        B: Body,
        B::Error: Into<BoxError>,
}

pub(in crate::mesh) type BoxedBody = UnsyncBoxBody<Bytes, BoxError>;

pub(in crate::mesh) fn boxed<B>(body: B) -> BoxedBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

impl<B> MirroredBody<B> {
    pub(in crate::mesh) const fn none(body: B) -> Self {
        Self(Source::None(IntoBytes::new(body)))
    }

    pub(in crate::mesh) const fn one(body: TeeBody<B>) -> Self {
        Self(Source::One(body))
    }

    pub(in crate::mesh) const fn several(body: BoxedBody) -> Self {
        Self(Source::Several(body))
    }
}

impl<B: Default> Default for MirroredBody<B> {
    fn default() -> Self {
        Self::none(B::default())
    }
}
