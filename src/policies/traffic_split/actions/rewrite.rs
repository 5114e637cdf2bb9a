use std::fmt::Write as _;

use http::uri::Authority;

use crate::foundation::matching::re2::Re2;
use crate::foundation::matching::string_match::PatternError;
use crate::policies::traffic_split::PathMatch;

/// How a path is turned into another.
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

    /// Replaces what the route matched: the prefix if it asks for one, the whole path if it asks for
    /// an exact one or a regular expression, and the first `/` if it asks for no path.
    ///
    /// It is a replacement of text: `/` for `/api/v1` turns `/api/v1/users` into `//users`, and
    /// `/new` for `/old` turns `/oldies` into `/newies`, as in Istio.
    #[must_use]
    pub fn prefix(replacement: impl Into<Box<str>>) -> Self {
        Self(Kind::Prefix(replacement.into()))
    }

    /// Replaces every occurrence of a regular expression, with `\1` to `\9` for its groups and `\0`
    /// for all of it: `uriRegexRewrite` of Istio, with RE2's way to write groups.
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

    /// Builds a new path from the named parts of the [`PathTemplate`](crate::policies::traffic_split::PathTemplate) that the
    /// route asks for, as in `/{id}/{name}`. Under a route that asks for something else, or if it
    /// names a part that is not there, it changes nothing.
    #[must_use]
    pub fn template(template: impl Into<Box<str>>) -> Self {
        Self(Kind::Template(template.into()))
    }

    /// Turns `path`, which `by` matched, into another; none if it stays as it is.
    pub(in crate::policies::traffic_split) fn rewritten(
        &self,
        path: &str,
        by: Option<&PathMatch>,
    ) -> Option<String> {
        match &self.0 {
            Kind::Full(full) => Some(full.to_string()),
            Kind::Prefix(replacement) => {
                // A route for every path has the prefix `/` in Istio.
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

/// What is changed in the address of a request before it goes on.
///
/// A path that was there before is told in `x-envoy-original-path`, a host in
/// `x-envoy-original-host`, as Envoy does. The query stays.
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

    /// Sets the host that the request is addressed to, with a port if need be. By default it stays.
    ///
    /// It is what the `Host` header says, not where the request is sent.
    #[must_use]
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets what is done to the path. By default it stays.
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
            '$' => translated.push_str("$$"),
            '\\' => match rest.next()? {
                '\\' => translated.push('\\'),
                digit => {
                    let group = digit.to_digit(10)?;
                    if group as usize > groups {
                        return None;
                    }
                    write!(translated, "${{{group}}}").expect("a string takes every text");
                }
            },
            _ => translated.push(character),
        }
    }
    Some(translated)
}
