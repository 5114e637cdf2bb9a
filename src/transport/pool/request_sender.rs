use std::task::{Context, Poll};

use http::{HeaderValue, Request};
use hyper::client::conn::{http1, http2};

use super::connection::body::Sent;
use super::key::Form;

/// Hyper's sender of requests on a connection.
#[derive(Debug)]
pub(in crate::transport::pool) enum RequestSender {
    /// HTTP/1: one request at a time.
    One {
        proxy: Option<Proxy>,
        sender: http1::SendRequest<Sent>,
    },
    Many(http2::SendRequest<Sent>),
}

/// A proxy that is asked for a whole URI.
#[derive(Debug)]
pub(in crate::transport::pool) struct Proxy {
    pub(in crate::transport::pool) authorization: Option<HeaderValue>,
}

impl RequestSender {
    pub(in crate::transport::pool) fn is_closed(&self) -> bool {
        match self {
            Self::One { sender, .. } => sender.is_closed(),
            Self::Many(sender) => sender.is_closed(),
        }
    }

    pub(in crate::transport::pool) fn is_ready(&self) -> bool {
        match self {
            Self::One { sender, .. } => sender.is_ready(),
            Self::Many(sender) => sender.is_ready(),
        }
    }

    pub(in crate::transport::pool) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<hyper::Result<()>> {
        match self {
            Self::One { sender, .. } => sender.poll_ready(cx),
            Self::Many(sender) => sender.poll_ready(cx),
        }
    }

    /// Takes the sender for one request: a clone for HTTP/2, the sender itself for HTTP/1.
    pub(in crate::transport::pool) fn lend(slot: &mut Option<Self>) -> Option<Self> {
        match slot {
            Some(Self::Many(sender)) => Some(Self::Many(sender.clone())),
            _ => slot.take(),
        }
    }

    pub(in crate::transport::pool) fn form(&self, request: &Request<Sent>) -> Form {
        match self {
            Self::Many(_) => Form::Http2,
            Self::One { proxy: Some(_), .. } if request.uri().scheme_str() == Some("http") => {
                Form::Absolute
            }
            Self::One { .. } => Form::Origin,
        }
    }
}
