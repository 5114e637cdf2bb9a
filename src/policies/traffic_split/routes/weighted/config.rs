use super::WeightedDestination;
use crate::foundation::config::{Invalid, Recorded, Required, Unset, record};
use crate::policies::traffic_split::{Destination, HeaderOperations};

record! {
    WeightedDestinationFields {
        host: Required<Box<str>>,
        subset: Unset<Box<str>>,
        port: Option<u16>,
        weight: u32,
        request_headers: HeaderOperations,
        response_headers: HeaderOperations,
    }
}

impl Recorded for WeightedDestination {
    const NAME: &'static str = "destination";
    type Fields = WeightedDestinationFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Ok(WeightedDestinationFields {
            host: Required::MISSING,
            subset: Unset(None),
            port: None,
            weight: 1,
            request_headers: HeaderOperations::none(),
            response_headers: HeaderOperations::none(),
        })
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let WeightedDestinationFields {
            host,
            subset,
            port,
            weight,
            request_headers,
            response_headers,
        } = fields;
        let mut destination = Destination::new(host.get("host")?);
        if destination.host().is_empty() {
            return Err(Invalid::new("host", "must not be empty"));
        }
        if let Some(subset) = subset.0 {
            destination = destination.with_subset(subset);
        }
        if let Some(port) = port {
            destination = destination.with_port(port);
        }
        Ok(Self::new(destination, weight)
            .with_request_headers(request_headers)
            .with_response_headers(response_headers))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            destination,
            request_headers,
            response_headers,
            weight,
        } = self.clone();
        Ok(WeightedDestinationFields {
            host: Required::new(destination.host().into()),
            subset: Unset(destination.subset().map(Into::into)),
            port: destination.port(),
            weight,
            request_headers,
            response_headers,
        })
    }
}
