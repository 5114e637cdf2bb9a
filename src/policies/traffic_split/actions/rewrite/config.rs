use http::uri::Authority;
use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{Kind, PathRewrite, Rewrite};
use crate::foundation::config::{
    Invalid, Path, Recorded, Required, Setting, Unset, content, one_of, read_variant, record,
};

record! {
    RewriteFields {
        authority: Unset<Authority>,
        path: Option<PathRewrite>,
    }
}

impl Recorded for Rewrite {
    const NAME: &'static str = "rewrite";
    type Fields = RewriteFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::none().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RewriteFields { authority, path } = fields;
        Ok(Self {
            authority: authority.0,
            path,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { authority, path } = self.clone();
        Ok(RewriteFields {
            authority: Unset(authority),
            path,
        })
    }
}

one_of! {
    PathRewrite, "a rewrite of paths" {
        "full"(Box<str>) => |path: Box<str>| Ok(Self::full(path));
        "prefix"(Box<str>) => |prefix: Box<str>| Ok(Self::prefix(prefix));
        "regex"(RegexRewrite) => |regex: RegexRewrite| Ok(regex.0);
        "template"(Box<str>) => |template: Box<str>| Ok(Self::template(template));
    }
}

impl Setting for PathRewrite {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kind::Full(full) => content("full", full, path, to),
            Kind::Prefix(prefix) => content("prefix", prefix, path, to),
            Kind::Regex { .. } => content("regex", &RegexRewrite(self.clone()), path, to),
            Kind::Template(template) => content("template", template, path, to),
        }
    }
}

impl PathRewrite {
    /// Returns the path that replaces every other.
    pub(in crate::policies::traffic_split) fn whole(&self) -> Option<&str> {
        match &self.0 {
            Kind::Full(full) => Some(full),
            Kind::Prefix(_) | Kind::Regex { .. } | Kind::Template(_) => None,
        }
    }
}

/// Rewrite by a regular expression.
struct RegexRewrite(PathRewrite);

record! {
    RegexRewriteFields {
        pattern: Required<String>,
        substitute: Required<String>,
    }
}

impl Recorded for RegexRewrite {
    const NAME: &'static str = "rewrite by a regular expression";
    type Fields = RegexRewriteFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(RegexRewriteFields {
            pattern: Required::MISSING,
            substitute: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RegexRewriteFields {
            pattern,
            substitute,
        } = fields;
        let (pattern, substitute) = (pattern.get("pattern")?, substitute.get("substitute")?);
        let rewrite = PathRewrite::regex(&pattern, &substitute);
        let invalid = |error: super::PatternError| Invalid::new("pattern", error.to_string());
        rewrite.map(Self).map_err(invalid)
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Kind::Regex { regex, substitute } = &self.0.0 else {
            return Self::initial();
        };
        Ok(RegexRewriteFields {
            pattern: Required::new(regex.source().to_owned()),
            substitute: Required::new(written(substitute)),
        })
    }
}

/// Translates the `regex` crate's substitution (`${1}`) back to RE2's (`\1`).
fn written(substitute: &str) -> String {
    let mut written = String::new();
    let mut rest = substitute.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => written.push_str(r"\\"),
            '$' => match rest.next() {
                Some('{') => {
                    written.push('\\');
                    written.extend(rest.by_ref().take_while(|c| *c != '}'));
                }
                _ => written.push('$'),
            },
            _ => written.push(character),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_substitute_is_written_as_it_was_read() {
        for substitute in [r"\1", r"/v2\0/$x", r"a\\b\1c", "", "$$"] {
            let rewrite = PathRewrite::regex("/(v1)", substitute).unwrap();
            let Kind::Regex {
                substitute: kept, ..
            } = &rewrite.0
            else {
                unreachable!("it was just made");
            };
            assert_eq!(written(kept), substitute);
        }
    }
}
