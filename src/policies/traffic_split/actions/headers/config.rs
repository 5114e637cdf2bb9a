use std::sync::Arc;

use http::HeaderName;
use serde::ser::Serializer;

use super::{HeaderFormat, HeaderOperations, Operations};
use crate::foundation::config::{
    Invalid, Leaf, Path, Recorded, Refusal, Required, Scalar, leaf, record,
};

record! {
    HeaderOperationsFields {
        set: Vec<HeaderField>,
        add: Vec<HeaderField>,
        remove: Vec<HeaderName>,
    }
}

impl Recorded for HeaderOperations {
    const NAME: &'static str = "set of header operations";
    type Fields = HeaderOperationsFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::none().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let HeaderOperationsFields { set, add, remove } = fields;
        if set.is_empty() && add.is_empty() && remove.is_empty() {
            return Ok(Self::none());
        }
        let values = |fields: Vec<HeaderField>| {
            let fields = fields.into_iter();
            fields
                .map(|HeaderField(name, format)| (name, format))
                .collect()
        };
        Ok(Self(Some(Arc::new(Operations {
            add: values(add),
            remove,
            set: values(set),
        }))))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let operations = self.0.as_deref().cloned().unwrap_or_default();
        let Operations { add, remove, set } = operations;
        let fields = |values: Vec<(HeaderName, HeaderFormat)>| {
            let values = values.into_iter();
            values
                .map(|(name, format)| HeaderField(name, format))
                .collect()
        };
        Ok(HeaderOperationsFields {
            set: fields(set),
            add: fields(add),
            remove,
        })
    }
}

/// A header and the format of its value.
struct HeaderField(HeaderName, HeaderFormat);

record! {
    HeaderFieldFields {
        name: Required<HeaderName>,
        value: Required<HeaderFormat>,
    }
}

impl Recorded for HeaderField {
    const NAME: &'static str = "header";
    type Fields = HeaderFieldFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(HeaderFieldFields {
            name: Required::MISSING,
            value: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let HeaderFieldFields { name, value } = fields;
        Ok(Self(name.get("name")?, value.get("value")?))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(name, format) = self;
        Ok(HeaderFieldFields {
            name: Required::new(name.clone()),
            value: Required::new(format.clone()),
        })
    }
}

leaf!(HeaderFormat);

impl Leaf for HeaderFormat {
    const EXPECTED: &'static str = "the value of a header, in Envoy's format";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text(text) => {
                Self::parse(text).map_err(|error| Refusal::because(error.to_string()))
            }
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let text = self.source();
        let same = |text: &String| Self::parse(text).as_ref() == Ok(self);
        match text.filter(same) {
            Some(text) => to.serialize_str(&text),
            None => Err(path.write_error("is not a printable text")),
        }
    }
}
