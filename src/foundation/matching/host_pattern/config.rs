use serde::ser::Serializer;

use super::HostPattern;
use crate::foundation::config::{Leaf, Path, Refusal, Scalar, leaf, policy};

leaf!(HostPattern);
policy!(HostPattern);

impl Leaf for HostPattern {
    const EXPECTED: &'static str =
        "a pattern of hosts: write a host, `*.example.com`, `example.*` or `*`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Text(text) => {
                Self::parse(text).map_err(|error| Refusal::because(error.to_string()))
            }
            _ => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
