use super::{Match, NamedMatch};
use crate::foundation::config::{Invalid, Recorded, Required, record};
use crate::foundation::matching::StringMatch;
use crate::policies::traffic_split::{HeaderMatch, PathMatch};

record! {
    MatchFields {
        authority: Option<StringMatch>,
        method: Option<StringMatch>,
        path: Option<PathMatch>,
        port: Option<u16>,
        scheme: Option<StringMatch>,
        headers: Vec<HeaderMatch>,
        query: Vec<NamedMatch>,
        cookies: Vec<NamedMatch>,
    }
}

impl Recorded for Match {
    const NAME: &'static str = "match";
    type Fields = MatchFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let MatchFields {
            authority,
            method,
            path,
            port,
            scheme,
            headers,
            query,
            cookies,
        } = fields;
        Ok(Self {
            authority,
            cookies,
            headers,
            method,
            path,
            port,
            query,
            scheme,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            authority,
            cookies,
            headers,
            method,
            path,
            port,
            query,
            scheme,
        } = self.clone();
        Ok(MatchFields {
            authority,
            method,
            path,
            port,
            scheme,
            headers,
            query,
            cookies,
        })
    }
}

record! {
    NamedMatchFields {
        name: Required<Box<str>>,
        value: Option<StringMatch>,
    }
}

impl Recorded for NamedMatch {
    const NAME: &'static str = "match by name";
    type Fields = NamedMatchFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(NamedMatchFields {
            name: Required::MISSING,
            value: None,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let NamedMatchFields { name, value } = fields;
        let name = name.get("name")?;
        Ok(Self { name, value })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { name, value } = self.clone();
        Ok(NamedMatchFields {
            name: Required::new(name),
            value,
        })
    }
}
