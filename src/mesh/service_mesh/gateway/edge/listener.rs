use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use http_body::Body;

use super::TrustedProxies;
use super::sanitize::presence::Presence;
use super::sanitize::{authority, connection, message_length, remote_address, target};
use crate::foundation::http::client_address::how_to_know_peers;
use crate::foundation::http::cookie::join_cookies;
use crate::foundation::http::{PeerAddress, RequestHead};
use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::proxy::state::Proxy;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Listener of a gateway: its port, TLS, trusted proxies and proxy state.
#[derive(Debug)]
pub(in crate::mesh) struct Listener {
    pub(in crate::mesh) port: Option<u16>,
    pub(in crate::mesh) proxy: Arc<Proxy>,
    /// True if connections use TLS; `None` derives it from the servers of the port.
    pub(in crate::mesh) tls: Option<bool>,
    pub(in crate::mesh) trusted: TrustedProxies,
    /// True once the warning about unknown peers is logged.
    pub(in crate::mesh) warned: AtomicBool,
}

impl Listener {
    /// Sanitizes a request, or returns the reason to reject it.
    pub(super) fn sanitize<B: Body>(&self, request: &mut Request<B>) -> Result<(), Rejection> {
        let presence = Presence::of(request.headers());
        let version = request.version();
        if *request.method() == Method::CONNECT {
            // No route matches CONNECT: the ingress behind rejects it and closes the connection.
            return Ok(());
        }
        // Before any change: removals must not hide the evidence of an ambiguous message.
        message_length::check(request.headers(), presence)?;
        if presence.has(Presence::CONNECTION) {
            // Before the fields of this hop are written, which a caller must not remove.
            let removed = connection::remove_nominated(request.headers_mut());
            removed.map_err(Rejection::BadRequest)?;
        }
        let mut uri = std::mem::take(request.uri_mut());
        let settled = authority::settle(version, &mut uri, request.headers_mut(), presence);
        let settled = settled.and_then(|()| target::normalize(request.method(), &mut uri));
        *request.uri_mut() = uri;
        settled?;
        if presence.has(Presence::TE) {
            connection::sanitize_te(request.headers_mut());
        }
        if presence.has(Presence::EXPECT) {
            connection::answer_expectation(request.headers_mut());
        }
        // HTTP/2 may split cookies; HTTP/1.1 upstreams expect one field (RFC 9113, 8.2.3).
        if presence.has(Presence::COOKIE) && version >= Version::HTTP_2 {
            join_cookies(request.headers_mut());
        }
        if request.body().is_end_stream() {
            let method = request.method().clone();
            message_length::tell_empty(&method, request.headers_mut(), presence);
        }
        connection::remove_internal(request.headers_mut(), presence);
        self.forwarded(request, presence);
        Ok(())
    }

    /// Writes the forwarding headers: the caller's address and scheme.
    fn forwarded<B>(&self, request: &mut Request<B>, presence: Presence) {
        let peer = PeerAddress::of(request.extensions());
        // Read before `append` adds the peer, which would shift the hops.
        let caller = self.trusted.caller(RequestHead::of(request));
        let is_trusted = self.trusted.trusts(peer);
        let headers = request.headers_mut();
        match peer {
            Some(peer) => {
                let is_first = !presence.has(Presence::FORWARDED_FOR);
                remote_address::append(headers, peer, caller, is_first);
            }
            None if is_trusted => {}
            None => {
                self.warn();
                remote_address::remove(headers);
            }
        }
        if !is_trusted || !presence.has(Presence::FORWARDED_PROTO) {
            self.write_scheme(headers);
        }
        // Rate limits and load balancing by address see the caller, not the proxy in front.
        if let Some(caller) = caller.filter(|caller| Some(*caller) != peer) {
            request.extensions_mut().insert(PeerAddress(caller));
        }
    }

    fn write_scheme(&self, headers: &mut HeaderMap) {
        let scheme = HeaderValue::from_static(if self.is_tls() { "https" } else { "http" });
        headers.insert(X_FORWARDED_PROTO, scheme);
    }

    fn is_tls(&self) -> bool {
        self.tls.unwrap_or_else(|| {
            let proxy_config = self.proxy.config();
            let here = |port| self.port.is_none_or(|own| own == port);
            let mut here = proxy_config
                .servers
                .iter()
                .filter(|server| here(server.port))
                .peekable();
            // Mixed servers count as plain text: a request must not claim TLS that it lacks.
            here.peek().is_some() && here.all(|server| server.tls)
        })
    }

    #[cold]
    fn warn(&self) {
        // Relaxed: the flag guards nothing but the log.
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                gateway = %self.proxy.workload.name,
                "the addresses of callers are unknown: {}; until then `X-Forwarded-For` is removed",
                how_to_know_peers()
            );
        }
    }
}
