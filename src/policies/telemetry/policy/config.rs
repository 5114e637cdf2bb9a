use http::HeaderName;
use serde::de::Deserializer;
use serde::ser::Serializer;

use super::TracePolicy;
use crate::foundation::config::{Invalid, Path, Recorded, Setting, Unset, names, policy, record};
use crate::foundation::sync::Percent;
use crate::policies::telemetry::Propagation;

policy!(TracePolicy);

record! {
    TraceFields {
        enabled: bool,
        sampled: Percent,
        accepted: Propagation,
        propagated: Propagation,
        same_formats: Unset<bool>,
        forwarded: Vec<HeaderName>,
        request_id_preserved: bool,
        request_id_in_request: Unset<bool>,
        request_id_in_response: bool,
        service: Unset<String>,
    }
}

impl Recorded for TracePolicy {
    const NAME: &'static str = "trace";
    type Fields = TraceFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let TraceFields {
            enabled,
            sampled,
            accepted,
            propagated,
            same_formats,
            forwarded,
            request_id_preserved,
            request_id_in_request,
            request_id_in_response,
            service,
        } = fields;
        Ok(Self {
            accepted,
            enabled,
            forwarded,
            preserves_request_id: request_id_preserved,
            propagated,
            request_id_in_request: request_id_in_request.0,
            request_id_in_response,
            same_formats: same_formats.0,
            sampled,
            service: service.0.map(Into::into),
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            accepted,
            enabled,
            forwarded,
            preserves_request_id,
            propagated,
            request_id_in_request,
            request_id_in_response,
            same_formats,
            sampled,
            service,
        } = self.clone();
        Ok(TraceFields {
            enabled,
            sampled,
            accepted,
            propagated,
            same_formats: Unset(same_formats),
            forwarded,
            request_id_preserved: preserves_request_id,
            request_id_in_request: Unset(request_id_in_request),
            request_id_in_response,
            service: Unset(service.map(|name| name.as_ref().to_owned())),
        })
    }
}

/// One format of a set.
struct Format(Propagation);

names! {
    Format, "a trace format" {
        "w3c" => Self(Propagation::W3C) => Self(Propagation::W3C);
        "b3" => Self(Propagation::B3) => Self(Propagation::B3);
        "b3_multi" => Self(_) => Self(Propagation::B3_MULTI);
    }
}

/// A list of formats.
impl Setting for Propagation {
    fn read<'de, D: Deserializer<'de>>(path: Path<'_>, from: D) -> Result<Self, D::Error> {
        let formats = Vec::<Format>::read(path, from)?.into_iter();
        Ok(formats.fold(Self::NONE, |all, format| all.and(format.0)))
    }

    fn write<S: Serializer>(&self, path: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let formats = [Self::W3C, Self::B3, Self::B3_MULTI].into_iter();
        let formats: Vec<_> = formats
            .filter(|format| self.contains(*format))
            .map(Format)
            .collect();
        formats.write(path, to)
    }
}
