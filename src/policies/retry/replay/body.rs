use bytes::Bytes;
use http_body::Body;

use crate::foundation::body::body_enum;
use crate::foundation::outcome::LocalReplyBody;
use crate::policies::retry::budget::InFlightPermit;

body_enum! {
    /// Response body of [`Retry`](crate::policies::retry::Retry): the last attempt's, or the text of a
    /// 504.
    ///
    /// It holds the permit of its request, so that the request counts as in flight until its body is dropped.
    pub struct RetryBody<R> of Source / SourceProj {
        LocalReply(LocalReplyBody) => |never| match never {},
        Upstream(R),
    }
    type Error = R::Error;
    holds Option<InFlightPermit>;
    default LocalReply;
    where R: Body<Data = Bytes>
}

impl<R> RetryBody<R> {
    pub(in crate::policies::retry) const fn local_reply(answer: LocalReplyBody) -> Self {
        Self(Source::LocalReply(answer), None)
    }

    #[inline]
    pub(in crate::policies::retry) const fn upstream(
        body: R,
        active: Option<InFlightPermit>,
    ) -> Self {
        Self(Source::Upstream(body), active)
    }
}
