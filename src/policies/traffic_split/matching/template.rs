use crate::foundation::matching::re2::Re2;
use crate::foundation::matching::string_match::PatternError;

/// Pattern for paths, segment by segment, with named parts: Envoy's URI template.
///
/// `*` matches one segment, `**` any number of them and must come last, `{name}` and `{name=*}` one
/// segment with a name, `{name=videos/*}` and `{name=**}` several; `**.mp4` matches paths with this
/// end.
#[derive(Clone, Debug)]
pub struct PathTemplate {
    /// Names of the capture groups of the regular expression, in order.
    names: Box<[Box<str>]>,
    regex: Re2,
    #[cfg(feature = "serde")]
    source: Box<str>,
}

// Bytes of a segment, as Envoy reads RFC 3986.
const SEGMENT: &str = r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]";
const SEGMENTS: &str = r"[a-zA-Z0-9\-._~%!$&'()+,;:@=/]";

impl PathTemplate {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// If it does not start with `/`, a brace is unmatched, a name is invalid or repeated, or
    /// `**` is not the last segment.
    pub fn parse(template: &str) -> Result<Self, PatternError> {
        let error = |reason: &str| PatternError::new(template, reason);
        if !template.starts_with('/') {
            return Err(error("must start with `/`"));
        }
        let mut names: Vec<Box<str>> = Vec::new();
        let mut regex = String::new();
        let mut last = false;
        let mut rest = template;
        while let Some((before, variable)) = rest.split_once('{') {
            segments(before, &mut regex, &mut last).map_err(error)?;
            let (variable, after) = variable
                .split_once('}')
                .ok_or_else(|| error("unmatched `{`"))?;
            let (name, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
            if !is_name(name) || names.iter().any(|other| **other == *name) {
                return Err(error("a name is invalid or repeated"));
            }
            names.push(name.into());
            regex.push('(');
            segments(pattern, &mut regex, &mut last).map_err(error)?;
            regex.push(')');
            rest = after;
        }
        segments(rest, &mut regex, &mut last).map_err(error)?;
        Ok(Self {
            names: names.into(),
            regex: Re2::whole(&regex).map_err(|e| error(&e.to_string()))?,
            #[cfg(feature = "serde")]
            source: template.into(),
        })
    }

    /// Returns the template as it was given.
    #[cfg(feature = "serde")]
    pub(in crate::policies::traffic_split) const fn source(&self) -> &str {
        &self.source
    }

    pub(in crate::policies::traffic_split) fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path.as_bytes())
    }

    /// Inserts the named parts of `path` into `rewrite`, which alternates text and `{name}`;
    /// returns none if the path does not match.
    pub(in crate::policies::traffic_split) fn rewrite(
        &self,
        path: &str,
        rewrite: &str,
    ) -> Option<String> {
        let captures = self.regex.captures(path.as_bytes())?;
        let mut new = String::new();
        let mut rest = rewrite;
        while let Some((before, variable)) = rest.split_once('{') {
            new.push_str(before);
            let (name, after) = variable.split_once('}')?;
            let index = self.names.iter().position(|other| **other == *name)?;
            // Group 0 is the whole match.
            let part = captures.get(index + 1)?;
            new.push_str(path.get(part.range())?);
            rest = after;
        }
        new.push_str(rest);
        Some(new)
    }
}

/// Translates a part of a template without braces; `last` is true after `**`.
fn segments(text: &str, regex: &mut String, last: &mut bool) -> Result<(), &'static str> {
    let mut rest = text;
    while let Some(start) = rest.find('*') {
        literal(&rest[..start], regex, *last)?;
        if *last {
            return Err("`**` must come last");
        }
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            *last = true;
            regex.push_str(SEGMENTS);
            regex.push('*');
        } else {
            regex.push_str(SEGMENT);
            regex.push('+');
        }
    }
    literal(rest, regex, *last)
}

fn literal(text: &str, regex: &mut String, last: bool) -> Result<(), &'static str> {
    if text.contains('}') {
        return Err("unmatched `}`");
    }
    if last && text.contains('*') {
        return Err("`**` must come last");
    }
    regex.push_str(&regex::escape(text));
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        // Envoy's limit on the length of a name.
        && name.len() <= 16
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
