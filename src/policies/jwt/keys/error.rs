/// Reason why a text is no set of keys.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwksError {
    /// `keys` is no list.
    #[error("`keys` is no list")]
    BadKeys,
    /// The application has chosen no library for signatures, or several: see [`jwt`](crate::jwt).
    #[error(
        "jsonwebtoken has no crypto provider: enable exactly one of its features `rust_crypto` and `aws_lc_rs`, or call `CryptoProvider::install_default`"
    )]
    NoCryptoProvider,
    /// The text is no JSON object, or an object in it has a name twice.
    #[error("the text is no JSON object with different names")]
    NoJson,
    /// The object has no `keys`.
    #[error("the object has no `keys`")]
    NoKeys,
    /// None of the keys is one that can verify a token.
    #[error("none of the keys can verify a token")]
    NoValidKeys,
    /// The text has over 1 MiB.
    #[error("a set of keys has at most 1 MiB")]
    TooLarge,
    /// The set has over 256 keys.
    #[error("a set has at most 256 keys")]
    TooMany,
}
