use super::TrafficSplitPolicy;
use crate::foundation::config::{Invalid, Recorded, policy, record};
use crate::policies::traffic_split::VirtualHost;

policy!(TrafficSplitPolicy);

record! {
    TrafficSplitFields {
        hosts: Vec<VirtualHost>,
        normalized_paths: bool,
        unknown_hosts_rejected: bool,
    }
}

impl Recorded for TrafficSplitPolicy {
    const NAME: &'static str = "traffic split";
    type Fields = TrafficSplitFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let TrafficSplitFields {
            hosts,
            normalized_paths,
            unknown_hosts_rejected,
        } = fields;
        Ok(Self::off()
            .with_hosts(hosts)
            .with_normalized_paths(normalized_paths)
            .with_unknown_hosts_rejected(unknown_hosts_rejected))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            hosts,
            index: _,
            ports,
            unknown_host_is_not_found,
            unnormalized,
        } = self;
        if ports.is_some() {
            return Err(Invalid::new(
                "hosts",
                "those of a gateway cannot be written",
            ));
        }
        Ok(TrafficSplitFields {
            hosts: hosts.clone(),
            normalized_paths: !unnormalized,
            unknown_hosts_rejected: *unknown_host_is_not_found,
        })
    }
}
