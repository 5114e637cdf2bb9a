use super::VirtualHost;
use crate::foundation::config::{Invalid, Recorded, record};
use crate::foundation::matching::HostPattern;
use crate::policies::traffic_split::Route;

record! {
    VirtualHostFields {
        hosts: Vec<HostPattern>,
        routes: Vec<Route>,
    }
}

impl Recorded for VirtualHost {
    const NAME: &'static str = "virtual host";
    type Fields = VirtualHostFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::any([]).to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let VirtualHostFields { hosts, routes } = fields;
        if hosts.is_empty() {
            return Err(Invalid::new(
                "hosts",
                "must not be empty: write `*` for every host",
            ));
        }
        Ok(Self::new(hosts, routes))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self { patterns, routes } = self.clone();
        Ok(VirtualHostFields {
            hosts: patterns,
            routes,
        })
    }
}
