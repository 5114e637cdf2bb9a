//! Indexes over all valid resources, by host and namespace.

pub(in crate::istio::translation) mod destination_rule_index;
pub(in crate::istio::translation) mod host_map;
pub(in crate::istio::translation) mod object_ref;
pub(in crate::istio::translation) mod resource_index;
pub(in crate::istio::translation) mod selected_labels;
pub(in crate::istio::translation) mod selector;
pub(in crate::istio::translation) mod service_entry_index;
pub(in crate::istio::translation) mod virtual_service_index;
