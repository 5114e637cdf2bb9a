use http::StatusCode;

use super::DirectResponse;
use crate::foundation::config::{Invalid, Recorded, Required, record};

record! {
    DirectResponseFields {
        status: Required<StatusCode>,
        body: String,
    }
}

impl Recorded for DirectResponse {
    const NAME: &'static str = "direct response";
    type Fields = DirectResponseFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(DirectResponseFields {
            status: Required::MISSING,
            body: String::new(),
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let DirectResponseFields { status, body } = fields;
        Ok(Self::new(status.get("status")?).with_body(body))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { body, status } = self;
        let body = std::str::from_utf8(body).map_err(|_| Invalid::new("body", "is not a text"))?;
        Ok(DirectResponseFields {
            status: Required::new(*status),
            body: body.to_owned(),
        })
    }
}
