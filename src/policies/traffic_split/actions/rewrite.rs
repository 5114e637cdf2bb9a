#[cfg(feature = "serde")]
mod config;

use std::fmt::Write as _;

use http::uri::Authority;

use crate::foundation::matching::re2::Re2;
use crate::foundation::matching::string_match::PatternError;
use crate::policies::traffic_split::PathMatch;

/// Rewrite of a path.
#[derive(Clone, Debug)]
pub struct PathRewrite(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Full(Box<str>),
    Prefix(Box<str>),
    Regex { regex: Re2, substitute: Box<str> },
    Template(Box<str>),
}

impl PathRewrite {
    /// Replaces the whole path.
    #[must_use]
    pub fn full(path: impl Into<Box<str>>) -> Self {
        Self(Kind::Full(path.into()))
    }

    /// Replaces the part that the route matched: the prefix of a prefix match, the whole path of an
    /// exact or regular expression match, and the first `/` of a route without a path match.
    ///
    /// The text is replaced literally: `/` for `/api/v1` turns `/api/v1/users` into `//users`, and
    /// `/new` for `/old` turns `/oldies` into `/newies`, as in Istio.
    #[must_use]
    pub fn prefix(replacement: impl Into<Box<str>>) -> Self {
        Self(Kind::Prefix(replacement.into()))
    }

    /// Replaces every match of a regular expression, with `\1` to `\9` for its groups and `\0`
    /// for the whole match: Istio's `uriRegexRewrite`, in RE2's syntax for groups.
    ///
    /// # Errors
    ///
    /// If RE2 refuses `pattern`, it is too large, or `substitute` names a group that is not there.
    pub fn regex(pattern: &str, substitute: &str) -> Result<Self, PatternError> {
        let regex = Re2::part(pattern)?;
        let substitute = translated(substitute, regex.groups())
            .ok_or_else(|| PatternError::new(substitute, "a `\\` stands before no group"))?;
        let substitute = substitute.into();
        Ok(Self(Kind::Regex { regex, substitute }))
    }

    /// Builds a new path from the named parts of the route's
    /// [`PathTemplate`](crate::policies::traffic_split::PathTemplate), as in `/{id}/{name}`. Under
    /// a route with another path match, or with an unknown name, the path stays.
    #[must_use]
    pub fn template(template: impl Into<Box<str>>) -> Self {
        Self(Kind::Template(template.into()))
    }

    /// Rewrites `path`, which `by` matched; returns none if it stays.
    pub(in crate::policies::traffic_split) fn rewritten(
        &self,
        path: &str,
        by: Option<&PathMatch>,
    ) -> Option<String> {
        match &self.0 {
            Kind::Full(full) => Some(full.to_string()),
            Kind::Prefix(replacement) => {
                // A route without a path match has the prefix `/` in Istio.
                let covered = by.map_or(1, |by| by.covers(path));
                let rest = path.get(covered..).unwrap_or_default();
                Some(format!("{replacement}{rest}"))
            }
            Kind::Regex { regex, substitute } => {
                let new = regex.replace_all(path.as_bytes(), substitute.as_bytes());
                String::from_utf8(new).ok()
            }
            Kind::Template(template) => by?.template()?.rewrite(path, template),
        }
    }
}

/// Changes to the authority and path of a request before it is forwarded.
///
/// The old path is recorded in `x-envoy-original-path`, the old host in `x-envoy-original-host`, as
/// in Envoy. The query stays.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    pub(in crate::policies::traffic_split) authority: Option<Authority>,
    pub(in crate::policies::traffic_split) path: Option<PathRewrite>,
}

impl Rewrite {
    pub(in crate::policies::traffic_split) const fn none() -> Self {
        Self {
            authority: None,
            path: None,
        }
    }

    /// Sets the host to which the request is addressed, optionally with a port. By default it
    /// stays.
    ///
    /// It changes the `Host` header, not the endpoint to which the request is sent.
    #[must_use]
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets the rewrite of the path. By default the path stays.
    #[must_use]
    pub fn with_path(mut self, path: PathRewrite) -> Self {
        self.path = Some(path);
        self
    }
}

/// Translates RE2's substitution (`\1`) to the `regex` crate's (`${1}`).
fn translated(substitute: &str, groups: usize) -> Option<String> {
    let mut translated = String::new();
    let mut rest = substitute.chars();
    while let Some(character) = rest.next() {
        match character {
            // `$` is a literal in RE2, and starts a group in the `regex` crate.
            '$' => translated.push_str("$$"),
            '\\' => match rest.next()? {
                '\\' => translated.push('\\'),
                digit => {
                    let group = digit.to_digit(10)?;
                    if group as usize > groups {
                        return None;
                    }
                    // In braces, so that a following letter or digit is not read as part of the
                    // name.
                    write!(translated, "${{{group}}}").expect("a string takes every text");
                }
            },
            _ => translated.push(character),
        }
    }
    Some(translated)
}
