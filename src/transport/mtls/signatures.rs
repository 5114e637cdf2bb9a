//! The checks of a handshake's signatures, which are the same in every verifier.

/// Verifies the signatures of handshakes by given algorithms of a provider.
macro_rules! signatures {
    ($self:ident => $algorithms:expr) => {
        fn verify_tls12_signature(
            &$self,
            message: &[u8],
            leaf: &::tokio_rustls::rustls::pki_types::CertificateDer<'_>,
            signed: &::tokio_rustls::rustls::DigitallySignedStruct,
        ) -> Result<
            ::tokio_rustls::rustls::client::danger::HandshakeSignatureValid,
            ::tokio_rustls::rustls::Error,
        > {
            ::tokio_rustls::rustls::crypto::verify_tls12_signature(message, leaf, signed, $algorithms)
        }

        fn verify_tls13_signature(
            &$self,
            message: &[u8],
            leaf: &::tokio_rustls::rustls::pki_types::CertificateDer<'_>,
            signed: &::tokio_rustls::rustls::DigitallySignedStruct,
        ) -> Result<
            ::tokio_rustls::rustls::client::danger::HandshakeSignatureValid,
            ::tokio_rustls::rustls::Error,
        > {
            ::tokio_rustls::rustls::crypto::verify_tls13_signature(message, leaf, signed, $algorithms)
        }

        fn supported_verify_schemes(&$self) -> Vec<::tokio_rustls::rustls::SignatureScheme> {
            $algorithms.supported_schemes()
        }
    };
}
