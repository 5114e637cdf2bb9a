//! Choice of the requests to copy, and limits of their buffers. Random bits, policy and buffered
//! bytes are arguments.

use bytes::Bytes;
use http::{Method, header};
use http_body::Frame;

use super::MirrorPolicy;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::MirrorDropReason;
use crate::foundation::sync::Percent;

/// Limits on the bytes buffered for the mirror.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Limits {
    /// Limit for all copies together.
    pub(super) buffered: usize,
    /// Limit for one copy.
    pub(super) lag: usize,
}

impl Limits {
    /// Returns the lag of one copy, now `lag` bytes, after `len` more.
    pub(super) fn lag(self, lag: usize, len: usize) -> Result<usize, MirrorDropReason> {
        within(self.lag, lag, len).ok_or(MirrorDropReason::Lagging(self.lag))
    }

    /// Returns the bytes of all copies, now `buffered`, after `len` more.
    pub(super) fn buffered(self, buffered: usize, len: usize) -> Result<usize, MirrorDropReason> {
        within(self.buffered, buffered, len).ok_or(MirrorDropReason::BufferFull(self.buffered))
    }
}

fn within(limit: usize, held: usize, len: usize) -> Option<usize> {
    held.checked_add(len).filter(|sum| *sum <= limit)
}

/// Returns true if a request is to be copied.
pub(super) fn chooses(
    policy: &MirrorPolicy,
    head: RequestHead<'_>,
    random: impl FnOnce() -> u64,
) -> bool {
    // The random number comes last: only requests that can be copied draw one.
    policy.share() != Percent::NONE
        && !is_tunnel(head)
        && !is_copy(policy, head)
        && policy.share().happens(random())
}

/// Returns true if the connection leaves HTTP after this request, so that it cannot be copied.
fn is_tunnel(head: RequestHead<'_>) -> bool {
    head.method() == Method::CONNECT || head.headers().contains_key(header::UPGRADE)
}

fn is_copy(policy: &MirrorPolicy, head: RequestHead<'_>) -> bool {
    let marker = policy.marker();
    marker.is_some_and(|marker| head.headers().contains_key(marker))
}

/// Cost of a buffered frame on top of its bytes; without it, a body of single bytes would cost
/// nothing.
const OVERHEAD: usize = 64;

/// Returns the cost of a frame against the limits.
pub(super) fn weight(frame: &Frame<Bytes>) -> usize {
    let data = frame.data_ref().map_or(0, Bytes::len);
    let trailers = frame.trailers_ref().into_iter().flatten();
    let trailers = trailers.map(|(name, value)| name.as_str().len() + value.len());
    trailers
        .fold(data, usize::saturating_add)
        .saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Request};

    use super::*;

    fn chosen(policy: &MirrorPolicy, request: &Request<()>, random: u64) -> bool {
        chooses(policy, RequestHead::of(request), || random)
    }

    #[test]
    fn the_share_decides_and_none_rolls_no_dice() {
        let half = MirrorPolicy::new(Percent::new(50));
        let request = Request::new(());
        assert!(chosen(&half, &request, 0));
        assert!(!chosen(&half, &request, u64::MAX));
        let never = || panic!("no dice are rolled");
        assert!(!chooses(
            &MirrorPolicy::off(),
            RequestHead::of(&request),
            never
        ));
    }

    #[test]
    fn tunnels_and_copies_are_not_copied() {
        let all = MirrorPolicy::default();
        let connect = Request::connect("upstream:443").body(()).unwrap();
        assert!(!chosen(&all, &connect, 0));
        let with = |name: &'static str| Request::get("/").header(name, "true").body(()).unwrap();
        assert!(!chosen(&all, &with("upgrade"), 0));
        let copy = with("x-meshless-mirror");
        assert!(!chosen(&all, &copy, 0));
        assert!(chosen(&all.clone().with_marker(None), &copy, 0));
        let other = all.with_marker(HeaderName::from_static("x-copy"));
        assert!(chosen(&other, &copy, 0));
        assert!(!chosen(&other, &with("x-copy"), 0));
    }

    #[test]
    fn a_limit_is_what_may_be_held_and_not_a_byte_more() {
        let limits = Limits {
            buffered: 100,
            lag: 10,
        };
        assert_eq!(limits.lag(4, 6), Ok(10));
        assert_eq!(limits.lag(4, 7), Err(MirrorDropReason::Lagging(10)));
        assert_eq!(limits.buffered(0, 100), Ok(100));
        assert_eq!(
            limits.buffered(1, 100),
            Err(MirrorDropReason::BufferFull(100))
        );
        let most = usize::MAX;
        assert!(limits.buffered(most, most).is_err(), "no overflow");
    }

    #[test]
    fn a_frame_weighs_its_content_and_something_of_its_own() {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", HeaderValue::from_static("12345"));
        assert_eq!(weight(&Frame::trailers(trailers)), 64 + 15);
        assert_eq!(weight(&Frame::data(Bytes::from_static(b"hello"))), 64 + 5);
        assert_eq!(weight(&Frame::data(Bytes::new())), 64);
    }
}
