#[cfg(feature = "serde")]
mod config;

use crate::foundation::matching::string_match::StringMatch;
use crate::policies::traffic_split::PathTemplate;

/// Condition on the path of a request, without its query.
#[derive(Clone, Debug)]
pub struct PathMatch(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Segments { ignore_case: bool, prefix: Box<str> },
    Template(PathTemplate),
    Text(StringMatch),
}

impl PathMatch {
    /// Matches a prefix of whole segments: `/v2` matches `/v2` and `/v2/x`, but not `/v2x`.
    ///
    /// [`StringMatch::prefix`] matches all three, as in a `VirtualService`; this one is Envoy's
    /// `path_separated_prefix` and the Gateway API's `PathPrefix`.
    #[must_use]
    pub fn segments(prefix: &str) -> Self {
        // A slash at the end would require another, empty segment.
        let prefix = prefix.trim_end_matches('/').into();
        Self(Kind::Segments {
            ignore_case: false,
            prefix,
        })
    }

    /// Sets whether exact paths and prefixes ignore ASCII case. The default is false.
    #[must_use]
    pub fn with_ignore_case(mut self, ignored: bool) -> Self {
        self.0 = match self.0 {
            Kind::Segments { prefix, .. } => Kind::Segments {
                ignore_case: ignored,
                prefix,
            },
            Kind::Text(text) => Kind::Text(text.with_ignore_case(ignored)),
            template @ Kind::Template(_) => template,
        };
        self
    }

    pub(in crate::policies::traffic_split) fn matches(&self, path: &str) -> bool {
        match &self.0 {
            Kind::Segments {
                ignore_case,
                prefix,
            } => {
                // Fails for a shorter path, and within a character, where no prefix can end.
                let Some((start, rest)) = path.split_at_checked(prefix.len()) else {
                    return false;
                };
                let same = if *ignore_case {
                    start.eq_ignore_ascii_case(prefix)
                } else {
                    start == &**prefix
                };
                same && (rest.is_empty() || rest.starts_with('/'))
            }
            Kind::Template(template) => template.matches(path),
            Kind::Text(text) => text.matches(path),
        }
    }

    /// Returns the length of the part of a matching path that a prefix rewrite replaces: the
    /// prefix, or the whole path for any other kind.
    pub(in crate::policies::traffic_split) fn covers(&self, path: &str) -> usize {
        match &self.0 {
            Kind::Segments { prefix, .. } => prefix.len(),
            Kind::Template(_) => path.len(),
            Kind::Text(text) => text.prefix_len().unwrap_or(path.len()),
        }
    }

    pub(in crate::policies::traffic_split) const fn template(&self) -> Option<&PathTemplate> {
        match &self.0 {
            Kind::Template(template) => Some(template),
            Kind::Segments { .. } | Kind::Text(_) => None,
        }
    }
}

impl From<PathTemplate> for PathMatch {
    fn from(template: PathTemplate) -> Self {
        Self(Kind::Template(template))
    }
}

impl From<StringMatch> for PathMatch {
    fn from(text: StringMatch) -> Self {
        Self(Kind::Text(text))
    }
}
