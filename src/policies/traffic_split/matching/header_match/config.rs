use http::HeaderName;

use super::HeaderMatch;
use crate::foundation::config::{Invalid, Recorded, Required, record};
use crate::foundation::matching::StringMatch;

record! {
    HeaderMatchFields {
        name: Required<HeaderName>,
        value: Option<StringMatch>,
        inverted: bool,
        missing_is_empty: bool,
    }
}

impl Recorded for HeaderMatch {
    const NAME: &'static str = "header match";
    type Fields = HeaderMatchFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(HeaderMatchFields {
            name: Required::MISSING,
            value: None,
            inverted: false,
            missing_is_empty: false,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let HeaderMatchFields {
            name,
            value,
            inverted,
            missing_is_empty,
        } = fields;
        Ok(Self {
            inverted,
            missing_is_empty,
            name: name.get("name")?,
            value,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            inverted,
            missing_is_empty,
            name,
            value,
        } = self.clone();
        Ok(HeaderMatchFields {
            name: Required::new(name),
            value,
            inverted,
            missing_is_empty,
        })
    }
}
