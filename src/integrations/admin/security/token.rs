use std::fmt::{self, Debug, Formatter};
use std::hint::black_box;

use http::{HeaderMap, header};

/// Secret that callers of the page send as `Authorization: Bearer`.
///
/// ```
/// use meshless::admin::Token;
///
/// assert!(Token::new("short").is_err());
/// let token = Token::new("4f9c1d6a8b27e350")?;
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// # Ok::<_, meshless::admin::InvalidToken>(())
/// ```
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// Reason why a text is no token.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidToken {
    /// It has characters that a header cannot carry as one word: others than visible ASCII.
    #[error("a token has visible ASCII characters only, without spaces")]
    Characters,
    /// It can be guessed.
    #[error("a token of {0} characters can be guessed: use 16 or more, of a random source")]
    TooShort(usize),
}

/// Minimum number of characters.
const MIN_LEN: usize = 16;

impl Token {
    /// Creates a token of at least 16 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// If the text is shorter, or has other characters.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidToken> {
        let text = text.as_ref();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::Characters);
        }
        if text.len() < MIN_LEN {
            return Err(InvalidToken::TooShort(text.len()));
        }
        Ok(Self(text.as_bytes().into()))
    }

    /// Returns true if a request carries it.
    pub(in crate::integrations::admin) fn is_in(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION);
        let value = value.map(http::HeaderValue::as_bytes);
        let token = value.and_then(|value| {
            let (scheme, token) = value.split_at_checked("Bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
        });
        token.is_some_and(|given| self.is(given))
    }

    /// Returns the value of `Authorization` that carries it.
    pub(in crate::integrations::admin) fn authorization(&self) -> Option<http::HeaderValue> {
        let value = [b"Bearer ", &*self.0].concat();
        let mut value = http::HeaderValue::from_bytes(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Compares in a time that depends on the length of `given` alone, so that answers teach no part of the token.
    fn is(&self, given: &[u8]) -> bool {
        let mut difference = self.0.len() ^ given.len();
        for (place, byte) in given.iter().enumerate() {
            let own = self.0[place % self.0.len()];
            difference |= usize::from(black_box(own ^ byte));
        }
        black_box(difference) == 0
    }
}

impl Debug for Token {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl TryFrom<String> for Token {
    type Error = InvalidToken;

    fn try_from(text: String) -> Result<Self, InvalidToken> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token::new("0123456789abcdef").unwrap();
        let is = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            token.is_in(&headers)
        };
        assert!(is("Bearer 0123456789abcdef") && is("bearer 0123456789abcdef"));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdef0123456789abcdef",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!is(wrong), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_text_that_can_be_guessed_or_not_be_sent_is_no_token() {
        let too_short = Token::new("123456789012345").unwrap_err();
        assert_eq!(too_short, InvalidToken::TooShort(15));
        let characters = Token::new("0123456789 abcdef\n").unwrap_err();
        assert_eq!(characters, InvalidToken::Characters);
    }
}
