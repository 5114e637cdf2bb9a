use std::io::Write as _;
use std::sync::OnceLock;

use http::{HeaderName, HeaderValue, Version};

use super::start_time::TimeFormat;
use crate::foundation::http::authority::{authority, scheme};
use crate::foundation::http::{PeerAddress, RequestHead};
use crate::foundation::matching::string_match::PatternError;
use crate::foundation::time::clock;

/// Value of a header: a literal, or a template with parts from each request.
///
/// A [`HeaderValue`] is taken as it is. [`HeaderFormat::parse`] reads Envoy's format, of which these
/// commands are known:
///
/// - `%%`: a percent sign;
/// - `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`: the address of the [peer](crate::rate_limit::PeerAddress);
/// - `%HOSTNAME%`: the name of this machine or pod;
/// - `%PROTOCOL%`: `HTTP/1.1`, `HTTP/2` and so on, as the request came;
/// - `%REQ(name?other):length%`: the value of a request's header, or else of another one, cut off after so
///   many characters; `:path`, `:method`, `:authority` and `:scheme` are names too;
/// - `%START_TIME(format)%`: the time in UTC, in a format of `strftime` with `%3f` for a fraction; without
///   a format, such as `2024-02-29T13:02:03.045Z`.
///
/// A value that turns out empty is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderFormat(Format);

#[derive(Clone, Debug, PartialEq)]
enum Format {
    Literal(HeaderValue),
    Pieces {
        pieces: Box<[Piece]>,
        #[cfg(feature = "serde")]
        source: Box<str>,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Hostname,
    PeerAddress,
    Protocol,
    Request { names: Box<[Name]>, length: usize },
    StartTime(TimeFormat),
    Text(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
enum Name {
    Authority,
    Header(HeaderName),
    Method,
    Path,
    Scheme,
}

impl HeaderFormat {
    /// Parses a value in Envoy's format.
    ///
    /// # Errors
    ///
    /// If a `%` begins no known command, or the text is not allowed in a header.
    pub fn parse(format: &str) -> Result<Self, PatternError> {
        let error = |reason: &str| PatternError::new(format, reason);
        let literal = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                error(&format!(
                    "{text:?} is not allowed in a header: leave out its control characters"
                ))
            })
        };
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            let (command, after) = split_command(after)
                .ok_or_else(|| error("a `%` has no partner; write `%%` for a percent sign"))?;
            if command.is_empty() {
                text.push('%');
            } else {
                let piece = Piece::parse(command)
                    .ok_or_else(|| error(&format!("`%{command}%` is not a known command")))?;
                literal(&text)?;
                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                pieces.push(piece);
            }
            rest = after;
        }
        text.push_str(rest);
        let last = literal(&text)?;
        if pieces.is_empty() {
            return Ok(last.into());
        }
        pieces.push(Piece::Text(text.into()));
        Ok(Self(Format::Pieces {
            pieces: pieces.into(),
            #[cfg(feature = "serde")]
            source: format.into(),
        }))
    }

    /// Returns the format as it is parsed; none if a literal is not a text.
    #[cfg(feature = "serde")]
    pub(super) fn source(&self) -> Option<String> {
        match &self.0 {
            Format::Literal(value) => Some(value.to_str().ok()?.replace('%', "%%")),
            Format::Pieces { source, .. } => Some(source.to_string()),
        }
    }

    pub(in crate::policies::traffic_split) const fn literal(&self) -> Option<&HeaderValue> {
        match &self.0 {
            Format::Literal(value) => Some(value),
            Format::Pieces { .. } => None,
        }
    }

    pub(in crate::policies::traffic_split) const fn is_literal(&self) -> bool {
        self.literal().is_some()
    }

    /// Returns the value for a request; none if it is empty.
    pub(in crate::policies::traffic_split) fn value(
        &self,
        head: RequestHead<'_>,
    ) -> Option<HeaderValue> {
        let pieces = match &self.0 {
            Format::Literal(value) => return Some(value.clone()),
            Format::Pieces { pieces, .. } => pieces,
        };
        let mut value = Vec::new();
        for piece in pieces {
            piece.write(head, &mut value);
        }
        (!value.is_empty())
            .then(|| HeaderValue::from_bytes(&value).ok())
            .flatten()
    }
}

impl From<HeaderValue> for HeaderFormat {
    fn from(value: HeaderValue) -> Self {
        Self(Format::Literal(value))
    }
}

impl Piece {
    fn parse(command: &str) -> Option<Self> {
        match command {
            "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" => return Some(Self::PeerAddress),
            "HOSTNAME" => return Some(Self::Hostname),
            "PROTOCOL" => return Some(Self::Protocol),
            "START_TIME" => return TimeFormat::parse("").map(Self::StartTime),
            _ => {}
        }
        if let Some(format) = command.strip_prefix("START_TIME(") {
            return TimeFormat::parse(format.strip_suffix(')')?).map(Self::StartTime);
        }
        let (names, rest) = command.strip_prefix("REQ(")?.split_once(')')?;
        let length = match rest.strip_prefix(':') {
            Some(length) => length.parse().ok()?,
            None if rest.is_empty() => usize::MAX,
            None => return None,
        };
        let names = names.split('?').map(Name::parse).collect::<Option<_>>()?;
        Some(Self::Request { names, length })
    }

    fn write(&self, head: RequestHead<'_>, value: &mut Vec<u8>) {
        match self {
            Self::Hostname => value.extend_from_slice(hostname().as_bytes()),
            Self::PeerAddress => {
                if let Some(address) = PeerAddress::of(head.extensions()) {
                    write!(value, "{address}").expect("a vector takes every byte");
                }
            }
            Self::Request { names, length } => {
                let found = names.iter().find_map(|name| name.find(head));
                let found = found.unwrap_or_default();
                value.extend_from_slice(&found[..found.len().min(*length)]);
            }
            Self::Protocol => value.extend_from_slice(protocol(head.version()).as_bytes()),
            Self::StartTime(format) => format.write(clock::system_time(), value),
            Self::Text(text) => value.extend_from_slice(text.as_bytes()),
        }
    }
}

/// Splits off a command before its `%`; one within parentheses belongs to it.
fn split_command(text: &str) -> Option<(&str, &str)> {
    let percent = text.find('%')?;
    let end = match text.find('(') {
        Some(open) if open < percent => {
            let close = open + text[open..].find(')')?;
            close + text[close..].find('%')?
        }
        _ => percent,
    };
    Some((&text[..end], &text[end + 1..]))
}

/// Returns the name of the machine or pod, which does not change; nothing if the system tells none.
fn hostname() -> &'static str {
    static HOSTNAME: OnceLock<String> = OnceLock::new();
    HOSTNAME.get_or_init(|| {
        let name = std::env::var("HOSTNAME").ok();
        let name = name.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
        name.unwrap_or_default().trim().to_owned()
    })
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        match name {
            ":authority" => Some(Self::Authority),
            ":method" => Some(Self::Method),
            ":path" => Some(Self::Path),
            ":scheme" => Some(Self::Scheme),
            _ => name.parse().ok().map(Self::Header),
        }
    }

    fn find<'a>(&self, head: RequestHead<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Authority => Some(authority(&head).as_bytes()),
            Self::Header(name) => head.headers().get(name).map(HeaderValue::as_bytes),
            Self::Method => Some(head.method().as_str().as_bytes()),
            Self::Path => head
                .uri()
                .path_and_query()
                .map(|path| path.as_str().as_bytes()),
            Self::Scheme => Some(scheme(&head).as_bytes()),
        }
    }
}
