use http::StatusCode;

use crate::foundation::outcome::Failure;

/// Reason why an upstream gave no answer, in Envoy's words.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum ResetReason {
    /// The connection could not be made.
    #[error("remote connection failure")]
    ConnectionFailure,
    /// The connection ended before the response's head.
    #[error("connection termination")]
    ConnectionTermination,
    /// The connection was not made within the connect timeout.
    #[error("connection timeout")]
    ConnectionTimeout,
    /// Response that is no valid HTTP.
    #[error("protocol error")]
    ProtocolError,
    /// The upstream reset the stream.
    #[error("remote reset")]
    RemoteReset,
    /// The transport's own time ran out.
    #[error("response timeout")]
    ResponseTimeout,
}

macro_rules! texts {
    ($retried:expr, $reason:literal) => {
        if $retried {
            concat!(
                "upstream connect error or disconnect/reset before headers. retried and the latest \
                 reset reason: ",
                $reason
            )
        } else {
            concat!(
                "upstream connect error or disconnect/reset before headers. reset reason: ",
                $reason
            )
        }
    };
}

impl ResetReason {
    /// Finds the reason in the error of a transport.
    #[cfg(feature = "istio")]
    pub(crate) fn of<E: 'static>(error: &E, failure: Failure) -> Self {
        match failure {
            Failure::Connect if Failure::is_connect_timeout(error) => Self::ConnectionTimeout,
            Failure::Connect | Failure::Dns | Failure::Tls => Self::ConnectionFailure,
            Failure::RefusedStream | Failure::Reset => Self::RemoteReset,
            Failure::Timeout => Self::ResponseTimeout,
            // What has no name is most of all an answer that is no HTTP.
            Failure::Other => Self::ProtocolError,
            _ => Self::ConnectionTermination,
        }
    }

    /// Returns what a policy inside would have heard of.
    pub(crate) const fn failure(self) -> Failure {
        match self {
            Self::ConnectionFailure | Self::ConnectionTimeout => Failure::Connect,
            Self::ConnectionTermination => Failure::Closed,
            Self::ProtocolError => Failure::Other,
            Self::RemoteReset => Failure::Reset,
            Self::ResponseTimeout => Failure::Timeout,
        }
    }

    /// The flag that Envoy writes to its access log.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::ConnectionFailure | Self::ConnectionTimeout => "UF",
            Self::ConnectionTermination => "UC",
            Self::ProtocolError => "UPE",
            Self::RemoteReset => "UR",
            Self::ResponseTimeout => "UT",
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::ProtocolError => StatusCode::BAD_GATEWAY,
            Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The text of the answer; `retried` says that it was not the first try.
    pub(crate) const fn text(self, retried: bool) -> &'static str {
        match self {
            Self::ConnectionFailure => texts!(retried, "remote connection failure"),
            Self::ConnectionTermination => texts!(retried, "connection termination"),
            Self::ConnectionTimeout => texts!(retried, "connection timeout"),
            Self::ProtocolError => texts!(retried, "protocol error"),
            Self::RemoteReset => texts!(retried, "remote reset"),
            Self::ResponseTimeout => "upstream request timeout",
        }
    }
}
