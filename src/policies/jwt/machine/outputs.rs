use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::compiled::CompiledRule;
use crate::foundation::identity::{ClaimValue, RequestClaims};
use crate::policies::jwt::cache::Verified;
use crate::policies::jwt::token::{Token, json};

impl CompiledRule {
    /// Returns what a verified token gives to the request: its claims, and headers.
    pub(super) fn outputs(&self, token: Token<'_>) -> Verified {
        let payload = self.payload_header.iter().filter_map(|name| {
            let value = HeaderValue::from_str(token.payload).ok()?;
            Some((name.clone(), value))
        });
        let claims = self.claim_headers.iter().filter_map(|(path, name)| {
            let value = text(find(&token, path)?)?;
            // A line break or a zero in a claim is no part of a header: such a claim is not sent.
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            Some((name.clone(), value))
        });
        let outputs = payload.chain(claims).collect();
        let Token {
            mut claims,
            expires,
            not_before,
            ..
        } = token;
        for name in &self.words {
            let Some(ClaimValue::Text(value)) = claims.get(name) else {
                continue;
            };
            let words = value.split(' ').filter(|word| !word.is_empty());
            let words: Vec<_> = words.map(ClaimValue::from).collect();
            if !words.is_empty() {
                claims.insert(name.clone(), ClaimValue::List(words));
            }
        }
        Verified {
            claims: RequestClaims::new(claims),
            expires,
            not_before,
            outputs,
        }
    }
}

/// Returns a claim by its path of names with dots between them.
fn find<'a>(token: &'a Token<'_>, path: &str) -> Option<&'a ClaimValue> {
    let mut names = path.split('.');
    let first = token.claims.get(names.next()?)?;
    names.try_fold(first, ClaimValue::get)
}

/// Returns the text of a claim as Envoy writes it; none for `null` and for an empty string.
fn text(claim: &ClaimValue) -> Option<String> {
    let text = match claim {
        ClaimValue::Bool(value) => value.to_string(),
        ClaimValue::Null => return None,
        ClaimValue::Number(number) => number_text(*number),
        ClaimValue::Text(text) => text.to_string(),
        ClaimValue::List(_) | ClaimValue::Object(_) => {
            let mut out = String::new();
            json::write(claim, &mut out);
            STANDARD.encode(out)
        }
    };
    (!text.is_empty()).then_some(text)
}

/// Writes a whole number from 0 without a fraction, and others with six digits of it.
fn number_text(number: f64) -> String {
    // 2^64, the first double that is no 64-bit integer.
    const END: f64 = 18_446_744_073_709_551_616.0;
    if (0.0..END).contains(&number) && number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.6}")
    }
}
