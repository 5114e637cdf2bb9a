use std::time::Duration;

/// Limits of a [`MtlsListener`](super::super::MtlsListener).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListenerPolicy {
    pub(super) first_byte_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) max_handshakes: usize,
}

impl ListenerPolicy {
    /// Sets the time for the first byte of a connection, which shows whether it is TLS. Later the connection is closed.
    /// The default is 15 s; 0 means no limit.
    #[must_use]
    pub const fn with_first_byte_timeout(mut self, timeout: Duration) -> Self {
        self.first_byte_timeout = timeout;
        self
    }

    /// Sets the time for the TLS handshake after the first byte. The default is 15 s, as in Istio
    /// (`transport_socket_connect_timeout`); 0 means no limit.
    #[must_use]
    pub const fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Sets how many connections may be without a first byte or in their handshake at once; others wait in the queue of
    /// the operating system. The default is 1,024; 0 means 1.
    #[must_use]
    pub const fn with_max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = if max == 0 { 1 } else { max };
        self
    }
}

impl Default for ListenerPolicy {
    fn default() -> Self {
        Self {
            first_byte_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(15),
            max_handshakes: 1_024,
        }
    }
}
