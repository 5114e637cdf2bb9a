use std::time::Duration;

use crate::foundation::matching::StringMatch;
use crate::foundation::sync::Percent;

/// One step of a rollout, in the words of Argo's `strategy.canary.steps`.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Step {
    /// Waits for so long, and then until the evidence suffices.
    Pause(Duration),
    /// Waits for [`Canary::promote`](super::super::Canary::promote).
    PauseUntilPromoted,
    /// Sends all requests with such a cookie to the canary, beside the weight.
    SetCookieRoute {
        /// Name of the cookie.
        name: Box<str>,
        /// Values of the cookie.
        value: StringMatch,
    },
    /// Sends all requests with such a header to the canary, beside the weight.
    SetHeaderRoute {
        /// Name of the header.
        name: Box<str>,
        /// Values of the header.
        value: StringMatch,
    },
    /// Sends copies of so many requests to the canary.
    SetMirror(Percent),
    /// Sends this share of the requests to the canary. A higher share than before waits until the
    /// evidence suffices.
    SetWeight(Percent),
}
