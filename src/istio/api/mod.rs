//! Istio's messages, field by field, as defined in `istio.io/api`.

pub(crate) mod destination_rule;
pub(crate) mod envoy_filter;
pub(crate) mod field_validation;
pub(crate) mod fields;
pub(crate) mod gateway;
pub(crate) mod http_route;
pub(crate) mod load_balancer;
pub(crate) mod local_rate_limit;
pub(crate) mod security;
pub(crate) mod service_entry;
pub(crate) mod sidecar;
pub(crate) mod telemetry;
pub(crate) mod virtual_service;
pub(crate) mod workload;
