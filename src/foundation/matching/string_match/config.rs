use std::ops::Range;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::{Pattern, StringMatch};
use crate::foundation::config::{
    Brief, Briefly, Invalid, Path, Recorded, Required, Setting, content, one_of, policy,
    read_variant, record,
};

policy!(StringMatch);

one_of! {
    StringMatch, "a match" {
        "contains"(Brief<Text>) => |text: Brief<Text>| Ok(text.0.of(Pattern::Contains));
        "exact"(Brief<Text>) => |text: Brief<Text>| Ok(text.0.of(Pattern::Exact));
        "integer"(Integers) => |range: Integers| Ok(Self::integer(range.0));
        "prefix"(Brief<Text>) => |text: Brief<Text>| Ok(text.0.of(Pattern::Prefix));
        "regex"(String) => |regex: String| Self::regex(&regex).map_err(|e| e.to_string());
        "suffix"(Brief<Text>) => |text: Brief<Text>| Ok(text.0.of(Pattern::Suffix));
    }
}

impl Setting for StringMatch {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let Self {
            ignore_case,
            pattern,
        } = self;
        let (name, text) = match pattern {
            Pattern::Contains(text) => ("contains", text),
            Pattern::Exact(text) => ("exact", text),
            Pattern::Integer(range) => {
                return content("integer", &Integers(range.clone()), path, to);
            }
            Pattern::Prefix(text) => ("prefix", text),
            Pattern::Regex(regex) => {
                return content("regex", &regex.source().to_owned(), path, to);
            }
            Pattern::Suffix(text) => ("suffix", text),
        };
        let text = Text {
            text: text.clone(),
            ignore_case: *ignore_case,
        };
        content(name, &Brief(text), path, to)
    }
}

/// Text of a match.
struct Text {
    text: Box<str>,
    ignore_case: bool,
}

impl Text {
    fn of(self, pattern: impl FnOnce(Box<str>) -> Pattern) -> StringMatch {
        let Self { text, ignore_case } = self;
        StringMatch::of(pattern(text)).with_ignore_case(ignore_case)
    }
}

record! {
    TextFields {
        text: Required<Box<str>>,
        ignore_case: bool,
    }
}

impl Recorded for Text {
    const NAME: &'static str = "text";
    type Fields = TextFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(TextFields {
            text: Required::MISSING,
            ignore_case: false,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let TextFields { text, ignore_case } = fields;
        let text = text.get("text")?;
        Ok(Self { text, ignore_case })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { text, ignore_case } = self;
        Ok(TextFields {
            text: Required::new(text.clone()),
            ignore_case: *ignore_case,
        })
    }
}

impl Briefly for Text {
    type Short = Box<str>;

    fn from_short(text: Box<str>) -> Result<Self, String> {
        let ignore_case = false;
        Ok(Self { text, ignore_case })
    }

    fn to_short(&self) -> Option<Box<str>> {
        (!self.ignore_case).then(|| self.text.clone())
    }
}

/// Range of integers, without its end.
struct Integers(Range<i64>);

record! {
    IntegersFields {
        start: Required<i64>,
        end: Required<i64>,
    }
}

impl Recorded for Integers {
    const NAME: &'static str = "range";
    type Fields = IntegersFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(IntegersFields {
            start: Required::MISSING,
            end: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let IntegersFields { start, end } = fields;
        let (start, end) = (start.get("start")?, end.get("end")?);
        if start >= end {
            return Err(Invalid::new(
                "end",
                "must be above `start`, or nothing matches",
            ));
        }
        Ok(Self(start..end))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        Ok(IntegersFields {
            start: Required::new(self.0.start),
            end: Required::new(self.0.end),
        })
    }
}
