use serde::de::{Deserializer, MapAccess};
use serde::ser::Serializer;

use super::{Kind, PathMatch};
use crate::foundation::config::{
    Brief, Briefly, Invalid, Path, Recorded, Required, Seed, Setting, Variants, content,
    read_variant, record,
};
use crate::foundation::matching::StringMatch;
use crate::policies::traffic_split::PathTemplate;

/// The kinds of a [`StringMatch`], and two for paths alone.
impl Variants for PathMatch {
    const EXPECTED: &'static str = "a match of paths";
    const UNITS: &'static [&'static str] = &[];
    const CONTENTS: &'static [&'static str] = &[
        "contains", "exact", "integer", "prefix", "regex", "segments", "suffix", "template",
    ];

    fn unit(_: &str) -> Option<Self> {
        None
    }

    fn read_content<'de, A: MapAccess<'de>>(
        name: &str,
        path: Path<'_>,
        from: &mut A,
    ) -> Result<Self, A::Error> {
        match name {
            "segments" => {
                let segments = from.next_value_seed(Seed::<Brief<Segments>>::at(path))?;
                Ok(segments.0.0)
            }
            "template" => {
                let template = from.next_value_seed(Seed::<String>::at(path))?;
                let template = PathTemplate::parse(&template).map_err(|e| path.error(e))?;
                Ok(template.into())
            }
            _ => StringMatch::read_content(name, path, from).map(Into::into),
        }
    }
}

impl Setting for PathMatch {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        read_variant(path, from)
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kind::Segments { .. } => content("segments", &Brief(Segments(self.clone())), path, to),
            Kind::Template(template) => {
                content("template", &template.source().to_owned(), path, to)
            }
            Kind::Text(text) => text.write(path, to),
        }
    }
}

/// A prefix of whole segments.
struct Segments(PathMatch);

record! {
    SegmentsFields {
        prefix: Required<Box<str>>,
        ignore_case: bool,
    }
}

impl Recorded for Segments {
    const NAME: &'static str = "prefix of segments";
    type Fields = SegmentsFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(SegmentsFields {
            prefix: Required::MISSING,
            ignore_case: false,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let SegmentsFields {
            prefix,
            ignore_case,
        } = fields;
        let path = PathMatch::segments(&prefix.get("prefix")?);
        Ok(Self(path.with_ignore_case(ignore_case)))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Kind::Segments {
            ignore_case,
            prefix,
        } = &self.0.0
        else {
            return Self::initial();
        };
        Ok(SegmentsFields {
            prefix: Required::new(prefix.clone()),
            ignore_case: *ignore_case,
        })
    }
}

impl Briefly for Segments {
    type Short = Box<str>;

    fn from_short(prefix: Box<str>) -> Result<Self, String> {
        Ok(Self(PathMatch::segments(&prefix)))
    }

    fn to_short(&self) -> Option<Box<str>> {
        match &self.0.0 {
            Kind::Segments {
                ignore_case: false,
                prefix,
            } => Some(prefix.clone()),
            _ => None,
        }
    }
}
