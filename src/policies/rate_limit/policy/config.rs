use http::{HeaderName, HeaderValue, StatusCode};

use super::RateLimitPolicy;
use crate::foundation::config::{
    Invalid, Limited, OwnRecord, Recorded, Required, names, policy, record,
};
use crate::foundation::http::GrpcStatus;
use crate::foundation::sync::Percent;
use crate::policies::rate_limit::added_header::{AddedHeader, AppendAction};
use crate::policies::rate_limit::quota::Limit;
use crate::policies::rate_limit::{Key, RateLimitHeaders};

policy!(RateLimitPolicy);

record! {
    RateLimitFields {
        limit: Limit,
        key: Key,
        max_keys: usize,
        share: Share,
        max_queue: usize,
        max_wait: Limited,
        charge: bool,
        enabled: Percent,
        enforced: Percent,
        name: String,
        status: StatusCode,
        grpc_status: GrpcStatus,
        headers: RateLimitHeaders,
        answer_headers: Vec<Header>,
        request_headers_when_not_enforced: Vec<Header>,
    }
}

impl Recorded for RateLimitPolicy {
    const NAME: &'static str = "rate limit";
    type Fields = RateLimitFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let RateLimitFields {
            limit,
            key,
            max_keys,
            share,
            max_queue,
            max_wait,
            charge,
            enabled,
            enforced,
            name,
            status,
            grpc_status,
            headers,
            answer_headers,
            request_headers_when_not_enforced,
        } = fields;
        if max_keys == 0 {
            return Err(Invalid::new("max_keys", "must be 1 or more"));
        }
        if status.as_u16() < 400 {
            return Err(Invalid::new("status", "must be 400 or more"));
        }
        if !name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Invalid::new("name", "must be printable ASCII"));
        }
        let mut policy = Self::new(limit)
            .with_key(key)
            .with_max_keys(max_keys)
            .with_share(share.part, share.whole)
            .with_max_queue(max_queue)
            .with_max_wait(max_wait.0)
            .with_charge(charge)
            .with_enabled(enabled)
            .with_enforced(enforced)
            .with_name(name)
            .with_status(status)
            .with_grpc_status(grpc_status)
            .with_headers(headers);
        for Header(name, value) in answer_headers {
            policy = policy.with_answer_header(name, value);
        }
        for Header(name, value) in request_headers_when_not_enforced {
            policy = policy.with_request_header_when_not_enforced(name, value);
        }
        Ok(policy)
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            answer_headers,
            charge,
            cost,
            enabled,
            enforced,
            grpc_status,
            #[cfg(feature = "governor")]
            governor,
            headers,
            key,
            limit,
            max_keys,
            max_queue,
            max_wait,
            name,
            request_headers,
            share: (part, whole),
            status,
            usage,
        } = self.clone();
        #[cfg(feature = "governor")]
        Invalid::function("governor", governor.is_some())?;
        Invalid::function("cost", cost.is_some())?;
        Invalid::function("usage", usage.is_some())?;
        let answer_headers = answer_headers.into_iter();
        let added = request_headers.iter().flat_map(|all| all.iter());
        Ok(RateLimitFields {
            limit,
            key,
            // 0 means 1.
            max_keys: max_keys.max(1),
            share: Share { part, whole },
            max_queue,
            max_wait: Limited(max_wait),
            charge,
            enabled,
            enforced,
            // As it is sent.
            name: name
                .chars()
                .map(|c| if matches!(c, ' '..='~') { c } else { '?' })
                .collect(),
            status,
            grpc_status,
            headers,
            answer_headers: answer_headers
                .map(|(name, value)| Header(name, value))
                .collect(),
            request_headers_when_not_enforced: added.map(appended).collect::<Result<_, _>>()?,
        })
    }
}

fn appended(header: &AddedHeader) -> Result<Header, Invalid> {
    match header.parts() {
        (AppendAction::Append, name, value) => Ok(Header(name.clone(), value.clone())),
        _ => Err(Invalid::new(
            "request_headers_when_not_enforced",
            "a header that is not appended cannot be written",
        )),
    }
}

names! {
    RateLimitHeaders, "a choice of headers" {
        "all" => Self::All => Self::All;
        "all_and_envoy" => Self::AllAndEnvoy => Self::AllAndEnvoy;
        "envoy" => Self::Envoy => Self::Envoy;
        "none" => Self::None => Self::None;
        "rejections" => Self::Rejections => Self::Rejections;
    }
}

record! {
    #[derive(Clone)]
    Share {
        part: u32,
        whole: u32,
    }
}

impl OwnRecord for Share {
    const NAME: &'static str = "share";

    fn initial() -> Self {
        Self { part: 1, whole: 1 }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.whole == 0 || self.part > self.whole {
            return Err(Invalid::new(
                "part",
                "must be at most `whole`, which must not be 0",
            ));
        }
        Ok(())
    }
}

/// A header that is written.
struct Header(HeaderName, HeaderValue);

record! {
    HeaderFields {
        name: Required<HeaderName>,
        value: Required<HeaderValue>,
    }
}

impl Recorded for Header {
    const NAME: &'static str = "header";
    type Fields = HeaderFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(HeaderFields {
            name: Required::MISSING,
            value: Required::MISSING,
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let HeaderFields { name, value } = fields;
        Ok(Self(name.get("name")?, value.get("value")?))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self(name, value) = self;
        Ok(HeaderFields {
            name: Required::new(name.clone()),
            value: Required::new(value.clone()),
        })
    }
}
