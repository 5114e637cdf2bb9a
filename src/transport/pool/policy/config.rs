use std::time::Duration;

use super::PoolPolicy;
use crate::foundation::config::{Invalid, OwnRecord, Recorded, policy, record};

policy!(PoolPolicy);

record! {
    PoolFields {
        connect_timeout: Duration,
        idle_timeout: Duration,
        max_connection_duration: Duration,
        max_connections: u32,
        one_per_authority: bool,
        max_pending: u32,
        max_requests_per_connection: u32,
        http2: bool,
        http2_keep_alive: KeepAlive,
    }
}

impl Recorded for PoolPolicy {
    const NAME: &'static str = "pool";
    type Fields = PoolFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let PoolFields {
            connect_timeout,
            idle_timeout,
            max_connection_duration,
            max_connections,
            one_per_authority,
            max_pending,
            max_requests_per_connection,
            http2,
            http2_keep_alive,
        } = fields;
        let KeepAlive { interval, timeout } = http2_keep_alive;
        Ok(Self::new()
            .with_connect_timeout(connect_timeout)
            .with_idle_timeout(idle_timeout)
            .with_max_connection_duration(max_connection_duration)
            .with_max_connections(max_connections)
            .with_one_per_authority(one_per_authority)
            .with_max_pending(max_pending)
            .with_max_requests_per_connection(max_requests_per_connection)
            .with_http2(http2)
            .with_http2_keep_alive(interval, timeout))
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            connect_timeout,
            http2,
            http2_keep_alive: (interval, timeout),
            idle_timeout,
            max_connection_duration,
            max_connections,
            max_pending,
            max_requests_per_connection,
            one_per_authority,
        } = *self;
        Ok(PoolFields {
            connect_timeout,
            idle_timeout,
            max_connection_duration,
            max_connections,
            one_per_authority,
            max_pending,
            max_requests_per_connection,
            http2,
            http2_keep_alive: KeepAlive { interval, timeout },
        })
    }
}

record! {
    #[derive(Clone)]
    KeepAlive {
        interval: Duration,
        timeout: Duration,
    }
}

impl OwnRecord for KeepAlive {
    const NAME: &'static str = "keep-alive";

    fn initial() -> Self {
        Self {
            interval: Duration::ZERO,
            timeout: Duration::ZERO,
        }
    }
}
