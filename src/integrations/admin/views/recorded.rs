//! Events, for the page.

use serde_json::{Value, json};

use crate::foundation::outcome::{Direction, Origin};
use crate::integrations::admin::recorder::RecordedEvent;
use crate::integrations::admin::security::redact;
use crate::mesh::snapshot::rfc3339;

/// Returns an event, without secrets.
pub(in crate::integrations::admin) fn event(recorded: &RecordedEvent) -> Value {
    let event = recorded.event();
    let source = event.source();
    let mut value = json!({
        "number": recorded.number,
        "at": rfc3339(recorded.at).to_string(),
        "event": event.name(),
        "policy": event.policy(),
        "reason": event.reason(),
        "text": event.to_string(),
        "endpoint": event.endpoint().map(ToString::to_string),
        "layer": source.name(),
        "workload": source.workload(),
        "namespace": source.namespace(),
        "direction": source.direction().map(Direction::label),
        "host": source.host(),
        "cluster": source.cluster(),
        "route": source.route(),
        "origin": source.origin().map(Origin::to_string),
    });
    redact::value(&mut value);
    value
}
