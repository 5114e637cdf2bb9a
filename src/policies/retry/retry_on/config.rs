use http::{HeaderName, HeaderValue};

use super::RetryOn;
use crate::foundation::config::{Briefly, Invalid, Recorded, Required, Unset, record};
use crate::foundation::http::GrpcStatus;

record! {
    RetryOnFields {
        conditions: String,
        grpc_statuses: Vec<GrpcStatus>,
        headers: Vec<RetriableHeader>,
    }
}

impl Recorded for RetryOn {
    const NAME: &'static str = "set of retried outcomes";
    type Fields = RetryOnFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::istio().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RetryOnFields {
            conditions,
            grpc_statuses,
            headers,
        } = fields;
        let conditions = Self::parse(&conditions);
        let mut on =
            conditions.map_err(|unknown| Invalid::new("conditions", unknown.to_string()))?;
        for status in grpc_statuses {
            on = on.with_grpc_status(status);
        }
        for RetriableHeader(name, value) in headers {
            on = on.with_header(name, value);
        }
        Ok(on)
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            conditions: _,
            grpc,
            headers,
            predicate,
            statuses: _,
        } = self;
        Invalid::function("predicate", predicate.is_some())?;
        let headers = headers.iter().cloned();
        Ok(RetryOnFields {
            conditions: self.to_string(),
            grpc_statuses: GrpcStatus::all()
                .filter(|status| grpc & (1 << status.code()) != 0)
                .collect(),
            headers: headers
                .map(|(name, value)| RetriableHeader(name, value))
                .collect(),
        })
    }
}

/// The text of Istio's `retryOn`.
impl Briefly for RetryOn {
    type Short = String;

    fn from_short(list: String) -> Result<Self, String> {
        Self::parse(&list).map_err(|unknown| unknown.to_string())
    }

    fn to_short(&self) -> Option<String> {
        let is_list = self.grpc == 0 && self.headers.is_empty() && self.predicate.is_none();
        is_list.then(|| self.to_string())
    }
}

/// A response header, with one value or any.
struct RetriableHeader(HeaderName, Option<HeaderValue>);

record! {
    RetriableHeaderFields {
        name: Required<HeaderName>,
        value: Unset<HeaderValue>,
    }
}

impl Recorded for RetriableHeader {
    const NAME: &'static str = "retriable header";
    type Fields = RetriableHeaderFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(RetriableHeaderFields {
            name: Required::MISSING,
            value: Unset(None),
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RetriableHeaderFields { name, value } = fields;
        Ok(Self(name.get("name")?, value.0))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(name, value) = self;
        if value.as_ref().is_some_and(HeaderValue::is_empty) {
            let reason = "an empty value cannot be written: it means any value";
            return Err(Invalid::new("value", reason));
        }
        Ok(RetriableHeaderFields {
            name: Required::new(name.clone()),
            value: Unset(value.clone()),
        })
    }
}
