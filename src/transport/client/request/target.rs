//! Destination of a request.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::transport::client::Error;

/// Destination of a request: the URI that is sent, and its URL, which is made when it is asked for.
///
/// Parsing a URL costs more than a layer, and most callers never look at it.
#[derive(Clone, Debug)]
pub(in crate::transport::client) struct Target {
    uri: Uri,
    /// Set from the beginning if the URI does not say all of it, such as its fragment.
    url: OnceLock<Box<Url>>,
}

impl Target {
    pub(in crate::transport::client) fn parse(text: &str) -> Result<Self, Error> {
        if !is_normal(text) {
            return Self::of_url(Url::parse(text).map_err(Error::builder)?);
        }
        Ok(Self {
            uri: text.parse().map_err(Error::builder)?,
            url: OnceLock::new(),
        })
    }

    pub(in crate::transport::client) fn of_url(url: Url) -> Result<Self, Error> {
        Ok(Self {
            // Without the fragment, which an URI parser drops.
            uri: url.as_str().parse().map_err(Error::builder)?,
            url: OnceLock::from(Box::new(url)),
        })
    }

    pub(in crate::transport::client) fn of_uri(uri: &Uri) -> Result<Self, Error> {
        let text = to_text(uri);
        if !is_normal(&text) {
            return Self::parse(&text);
        }
        Ok(Self {
            uri: uri.clone(),
            url: OnceLock::new(),
        })
    }

    pub(in crate::transport::client) const fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(in crate::transport::client) fn url(&self) -> &Url {
        self.url.get_or_init(|| {
            let url = to_text(&self.uri).parse();
            Box::new(url.expect("a URI is kept without its URL only if it is normal"))
        })
    }

    #[expect(clippy::unnecessary_box_returns, reason = "errors hold a box")]
    pub(in crate::transport::client) fn into_url(self) -> Box<Url> {
        self.url();
        self.url.into_inner().expect("a URL was made")
    }

    /// Appends URL-encoded pairs to the query.
    pub(in crate::transport::client) fn append_query(&mut self, query: &str) -> Result<(), Error> {
        let joined = |first: Option<&str>| match first {
            Some(first) if !first.is_empty() => format!("{first}&{query}"),
            _ => query.to_owned(),
        };
        if let Some(mut url) = self.url.take() {
            let query = joined(url.query());
            url.set_query(Some(&query));
            *self = Self::of_url(*url)?;
            return Ok(());
        }
        let target = format!("{}?{}", self.uri.path(), joined(self.uri.query()));
        let target = PathAndQuery::try_from(target).map_err(Error::builder)?;
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        parts.path_and_query = Some(target);
        self.uri = Uri::from_parts(parts).map_err(Error::builder)?;
        Ok(())
    }

    /// Removes the user and the password and returns them.
    pub(in crate::transport::client) fn take_credentials(
        &mut self,
    ) -> Result<Option<(String, Option<String>)>, Error> {
        // A URI that is normal has none.
        let Some(url) = self.url.get_mut() else {
            return Ok(None);
        };
        if url.username().is_empty() && url.password().is_none() {
            return Ok(None);
        }
        let user = decoded(url.username());
        let password = url.password().map(decoded);
        // The URL is printed in errors and sent in `Referer`, where credentials must not appear.
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Ok(None);
        }
        *self = Self::of_url((**url).clone())?;
        Ok(Some((user, password)))
    }
}

/// Returns the scheme, the authority, and the path and query of an absolute URI.
pub(in crate::transport::client) fn printed(uri: &Uri) -> (&str, &str, &str) {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    (uri.scheme_str().unwrap_or_default(), authority, path)
}

/// Prints an absolute URI; its own `Display` costs several times as much.
pub(in crate::transport::client) fn to_text(uri: &Uri) -> String {
    let (scheme, authority, path) = printed(uri);
    [scheme, "://", authority, path].concat()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns true if a URL is written as its parser would print it, so that the same text is a URI too.
///
/// It is also false for a few such URLs that are rare, such as those with an IPv6 address.
fn is_normal(text: &str) -> bool {
    let (rest, default_port) = if let Some(rest) = text.strip_prefix("http://") {
        (rest, "80")
    } else if let Some(rest) = text.strip_prefix("https://") {
        (rest, "443")
    } else {
        return false;
    };
    // By bytes and in one pass: searches of the standard library cost more than such short texts.
    let (mut before, mut label, mut host) = (0, 0, None);
    let mut length = 0;
    for byte in rest.bytes() {
        match byte {
            b'/' => break,
            b':' if host.is_none() => host = Some(length),
            b'0'..=b'9' => {}
            b'.' if host.is_none() => label = length + 1,
            // Two hyphens may be Punycode, which is validated by the parser.
            b'-' if before == b'-' => return false,
            b'a'..=b'z' | b'-' | b'_' if host.is_none() => {}
            _ => return false,
        }
        before = byte;
        length += 1;
    }
    let (authority, path) = rest.split_at(length);
    let (host, port) = match host {
        Some(end) => (&authority[..end], Some(&authority[end + 1..])),
        None => (authority, None),
    };
    is_normal_host(host, &host[label..])
        && port.is_none_or(|port| port != default_port && is_normal_port(port))
        && !path.is_empty()
        && is_normal_path(path)
}

/// Returns true if a host is no address, or one that is written as it is printed.
fn is_normal_host(host: &str, last_label: &str) -> bool {
    // The parser takes a host for an address if its last label is a number; an empty label may hide one.
    !last_label.is_empty()
        && (!last_label.starts_with(|first: char| first.is_ascii_digit())
            || host.parse::<Ipv4Addr>().is_ok())
}

fn is_normal_port(port: &str) -> bool {
    // `parse` takes a plus sign and leading zeros, too.
    port.starts_with(|first| matches!(first, '1'..='9')) && port.parse::<u16>().is_ok()
}

/// Returns true if no character of a path and query would be encoded, and no segment is removed.
fn is_normal_path(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let is_segment = std::mem::replace(&mut before, byte) != b'/';
        match byte {
            // `.` and `%2e` at the beginning of a segment may be the whole of it.
            b'.' | b'%' => is_segment,
            b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b';'
            | b'=' | b':' | b'@' | b'/' | b'?' => true,
            byte => byte.is_ascii_alphanumeric(),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    #[test]
    fn a_url_that_is_written_as_it_is_printed_is_parsed_when_it_is_asked_for() {
        for text in [
            "http://srv/",
            "http://127.0.0.1:8080/a?x=1",
            "https://users.default.svc.cluster.local:8443/v1/a%20b/c.d?x=%27&y=?",
        ] {
            let target = target(text);
            assert!(target.url.get().is_none(), "{text}");
            assert_eq!(target.uri().to_string(), text);
            assert_eq!(target.url().as_str(), text);
        }
    }

    #[test]
    fn a_url_that_is_printed_otherwise_is_sent_as_it_is_printed() {
        for (text, sent) in [
            ("http://SRV", "http://srv/"),
            ("http://srv:80/", "http://srv/"),
            ("http://1.2/", "http://1.0.0.2/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://srv/a/../b", "http://srv/b"),
            ("http://srv/a/%2E%2e/b", "http://srv/b"),
            ("http://srv/a b?it's", "http://srv/a%20b?it%27s"),
            ("  http://srv/ü\n", "http://srv/%C3%BC"),
        ] {
            assert_eq!(target(text).uri().to_string(), sent, "{text}");
            assert_eq!(target(text).url().as_str(), sent, "{text}");
        }
        let with_fragment = target("http://srv/a#part");
        assert_eq!(with_fragment.uri(), "http://srv/a");
        assert_eq!(with_fragment.url().as_str(), "http://srv/a#part");
    }

    #[test]
    fn a_query_is_appended_whether_or_not_the_url_was_made() {
        for (text, all) in [
            ("http://srv/", "http://srv/?a=1"),
            ("http://srv/?", "http://srv/?a=1"),
            ("http://srv/?b=2", "http://srv/?b=2&a=1"),
            ("http://srv/?b=2#part", "http://srv/?b=2&a=1#part"),
        ] {
            let mut target = target(text);
            target.append_query("a=1").unwrap();
            assert_eq!(target.url().as_str(), all);
            assert_eq!(target.uri(), all.trim_end_matches("#part"));
        }
    }

    proptest! {
        #[test]
        fn the_url_of_a_uri_says_the_same_as_the_uri(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "http://", "https://", "a", "srv", "1", "0", "127.0.0.1", "0x1", "xn--", "xn--a", "-", "_",
                    ".", "..", "%2e", "%", ":", ":80", ":443", ":8080", ":65536", "/", "//", "?", "#", "@",
                    "'", "\"", "\\", "|", "^", "{", " ", "\t", "ü", "A", "[::1]", "+", "~", "*", "=", "&",
                ]),
                1..9,
            ),
            scheme in prop::sample::select(vec!["http://", "https://", ""]),
        ) {
            let text = scheme.to_owned() + &parts.concat();
            if is_normal(&text) {
                let url = Url::parse(&text).unwrap();
                prop_assert_eq!(url.as_str(), &text);
                prop_assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
            }
        }
    }
}
