//! Removal of secrets from what the page shows.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// Text in place of a secret.
const REDACTED: &str = "(redacted)";

/// Passwords in URLs, credentials of `Authorization`, and values of keys whose name says that they are secret.
///
/// Its classes are of ASCII alone, since the tables of Unicode are not compiled in.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let url = "(?P<scheme>[a-z][a-z0-9+.-]*://)[!-.0-?A-~]*@";
    let scheme = "(?P<auth>(?:bearer|basic|negotiate) +)[a-z0-9._~+/=:-]{4,}";
    let name = "[a-z0-9_-]*(?:token|secret|password|passwd|api[_-]?key|signature|credentials?|authorization|cookie)";
    // Visible characters but for quotes and those that end a value.
    let value = r"[!#-%(-+\--:<-_a-|~]+";
    let key = format!(r#"(?P<key>{name}["'`]? *[=:] *["'`]?){value}"#);
    Regex::new(&format!("(?i-u:{url}|{scheme}|{key})")).ok()
});

/// Replaces secrets in a text.
pub(in crate::integrations::admin) fn text(text: &str) -> Option<String> {
    let secrets = SECRETS.as_ref()?;
    if !secrets.is_match(text) {
        return None;
    }
    let replaced = secrets.replace_all(text, |found: &Captures<'_>| {
        if let Some(scheme) = found.name("scheme") {
            return format!("{}{REDACTED}@", scheme.as_str());
        }
        let before = found.name("auth").or_else(|| found.name("key"));
        let before = before.map_or("", |before| before.as_str());
        format!("{before}{REDACTED}")
    });
    Some(replaced.into_owned())
}

/// Replaces secrets in all texts of a value.
pub(in crate::integrations::admin) fn value(value: &mut Value) {
    match value {
        Value::String(string) => {
            if let Some(redacted) = text(string) {
                *string = redacted;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(self::value),
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "field" || !is_secret(name) {
                    self::value(field);
                } else if field.is_string() {
                    *field = REDACTED.into();
                }
            }
        }
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

/// Returns true for the name of a field or label whose value is secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let marks = ["token", "secret", "passwd", "password", "credential"];
    let is_marked = marks.iter().any(|mark| name.contains(mark));
    is_marked || ["authorization", "cookie", "api_key", "api-key"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_tokens_and_keys_are_replaced_and_the_rest_stays() {
        for (before, after) in [
            (
                "proxy http://ann:pw@proxy:3128 is down",
                "proxy http://(redacted)@proxy:3128 is down",
            ),
            (
                "value `Bearer eyJhbGciOi.x-y_z` is no number",
                "value `Bearer (redacted)` is no number",
            ),
            ("/v1?api_key=abc&n=1", "/v1?api_key=(redacted)&n=1"),
            ("x-auth-token: \"abc\"", "x-auth-token: \"(redacted)\""),
            ("authorization=abcd", "authorization=(redacted)"),
        ] {
            assert_eq!(text(before).as_deref(), Some(after));
        }
        for plain in [
            "outbound|80|v1|users.waste.svc.cluster.local",
            "endpoint 10.0.0.1:80 ejected: answers of 500 to 599, or none, in a row",
            "VirtualService waste/users changed",
            "rejected: rate limit of 20 reached; retry in 3s",
            "policies/users.yaml:12",
        ] {
            assert_eq!(text(plain), None, "{plain}");
        }
    }

    #[test]
    fn values_are_redacted_at_any_depth_and_by_the_names_of_their_fields() {
        let mut shown = json!({
            "labels": {"app": "users", "api-token": "abc"},
            "all": [{"error": "Basic YWJjZGVm"}],
            "rate": 3,
        });
        value(&mut shown);
        let expected = json!({
            "labels": {"app": "users", "api-token": "(redacted)"},
            "all": [{"error": "Basic (redacted)"}],
            "rate": 3,
        });
        assert_eq!(shown, expected);
    }
}
