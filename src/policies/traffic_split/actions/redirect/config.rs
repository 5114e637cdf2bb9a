use http::StatusCode;
use http::uri::{Authority, Scheme};
use serde::ser::Serializer;

use super::{Port, Redirect};
use crate::foundation::config::{
    Invalid, Leaf, Path, Recorded, Refusal, Scalar, Unset, leaf, record,
};
use crate::policies::traffic_split::PathRewrite;

record! {
    RedirectFields {
        status: StatusCode,
        scheme: Unset<Scheme>,
        authority: Unset<Authority>,
        port: Port,
        path: Option<PathRewrite>,
        query_stripped: bool,
    }
}

impl Recorded for Redirect {
    const NAME: &'static str = "redirect";
    type Fields = RedirectFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RedirectFields {
            status,
            scheme,
            authority,
            port,
            path,
            query_stripped,
        } = fields;
        if !status.is_redirection() {
            return Err(Invalid::new("status", "must be from 300 to 399"));
        }
        Ok(Self {
            authority: authority.0,
            keep_query: !query_stripped,
            path_has_query: has_query(path.as_ref()),
            path,
            port,
            scheme: scheme.0,
            status,
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            authority,
            keep_query,
            path,
            path_has_query,
            port,
            scheme,
            status,
        } = self.clone();
        if path_has_query != has_query(path.as_ref()) {
            return Err(Invalid::new(
                "path",
                "a `?` that begins no query cannot be written",
            ));
        }
        Ok(RedirectFields {
            status,
            scheme: Unset(scheme),
            authority: Unset(authority),
            port,
            path,
            query_stripped: !keep_query,
        })
    }
}

/// A whole path that has a query replaces that of the caller.
fn has_query(path: Option<&PathRewrite>) -> bool {
    let whole = path.and_then(PathRewrite::whole);
    whole.is_some_and(|path| path.contains('?'))
}

const OF_REQUEST: &str = "of_request";
const PRESERVED: &str = "preserved";

leaf!(Port);

impl Leaf for Port {
    const EXPECTED: &'static str = "a port: write a number, `of_request` or `preserved`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text(OF_REQUEST) => Ok(Self::OfRequest),
            Scalar::Text(PRESERVED) => Ok(Self::Preserved),
            Scalar::Integer(_) => u16::of(scalar).map(Self::Fixed),
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(port) => to.serialize_u16(*port),
            Self::OfRequest => to.serialize_str(OF_REQUEST),
            Self::Preserved => to.serialize_str(PRESERVED),
        }
    }
}
