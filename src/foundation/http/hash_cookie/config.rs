use std::time::Duration;

use super::HashCookie;
use crate::foundation::config::{Briefly, Invalid, OwnRecord, Recorded, Required, record};

record! {
    HashCookieFields {
        name: Required<Box<str>>,
        ttl: Option<Duration>,
        path: Box<str>,
        http_only: bool,
        attributes: Vec<Attribute>,
    }
}

record! {
    #[derive(Clone)]
    Attribute {
        name: Box<str>,
        value: Box<str>,
    }
}

impl OwnRecord for Attribute {
    const NAME: &'static str = "cookie attribute";

    fn initial() -> Self {
        let (name, value) = Default::default();
        Self { name, value }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.name.is_empty() {
            return Err(Invalid::new("name", "is missing"));
        }
        Ok(())
    }
}

impl Recorded for HashCookie {
    const NAME: &'static str = "hash cookie";
    type Fields = HashCookieFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        let mut fields = Self::new("").to_fields()?;
        fields.name = Required::MISSING;
        Ok(fields)
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let HashCookieFields {
            name,
            ttl,
            path,
            http_only,
            attributes,
        } = fields;
        let attributes = attributes.into_iter().map(|one| (one.name, one.value));
        let cookie = Self {
            attributes: attributes.collect(),
            http_only,
            name: name.get("name")?,
            path,
            ttl,
        };
        // Else no cookie would ever be set, in silence.
        if cookie.set_cookie("").is_none() {
            return Err(Invalid::new("name", "is not valid in a cookie"));
        }
        Ok(cookie)
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            attributes,
            http_only,
            name,
            path,
            ttl,
        } = self.clone();
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| Attribute { name, value });
        Ok(HashCookieFields {
            name: Required::new(name),
            ttl,
            path,
            http_only,
            attributes: attributes.collect(),
        })
    }
}

/// The name alone is a cookie that is read, and never set.
impl Briefly for HashCookie {
    type Short = Box<str>;

    fn from_short(name: Box<str>) -> Result<Self, String> {
        Ok(Self::new(name))
    }

    fn to_short(&self) -> Option<Box<str>> {
        (*self == Self::new(self.name())).then(|| self.name.clone())
    }
}
