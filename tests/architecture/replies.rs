//! Responses that the crate itself creates, each with the place that writes its source.

use std::collections::BTreeSet;

use crate::source::{Source, sources};

/// Texts that create a response.
const CREATES: [&str; 6] = [
    ".into_response(",
    "LocalReplyBody::to_grpc(",
    "LocalReplyBody::to_http(",
    "Response::new(LocalReplyBody",
    "Response::new(Self",
    "facts.plain()",
];

/// Files that create responses, the file in which these get their source, and the text that writes it.
const CREATORS: [(&str, &str, &str); 14] = [
    (
        "foundation/admission/queued.rs",
        "foundation/admission/queued.rs",
        "gate.write_extensions(",
    ),
    (
        "foundation/admission/service.rs",
        "foundation/admission/service.rs",
        "gate.write_extensions(",
    ),
    (
        "foundation/events/emitter.rs",
        "foundation/events/emitter.rs",
        "source.write_to(",
    ),
    // Of an error that has no layer: axum asks for a response to what a handler returns.
    ("foundation/outcome/client_error_response.rs", "", ""),
    // What the files above call.
    ("foundation/outcome/local_reply.rs", "", ""),
    ("foundation/outcome/rejection.rs", "", ""),
    // Answers of the operators' own server, in which no policy has a part.
    ("integrations/admin/actions.rs", "", ""),
    ("integrations/admin/handlers.rs", "", ""),
    ("integrations/prometheus/handler.rs", "", ""),
    (
        "mesh/service_mesh/proxy/config/proxy_config.rs",
        "mesh/service_mesh/gateway/ingress.rs",
        "source.write_to(",
    ),
    (
        "policies/traffic_split/actions/direct_response.rs",
        "mesh/service_mesh/router/route/route_service.rs",
        "emitter.write_source(",
    ),
    (
        "policies/traffic_split/actions/direct_response.rs",
        "policies/traffic_split/layer.rs",
        "emitter.write_source(",
    ),
    (
        "policies/traffic_split/actions/redirect.rs",
        "policies/traffic_split/service.rs",
        "emitter.write_source(",
    ),
    // An upstream's response, taken out of its connection.
    ("transport/pool/connection/lease.rs", "", ""),
];

#[test]
fn each_response_that_the_crate_creates_gets_its_source() {
    let creates = |source: &&Source| {
        let mut code = source.code();
        code.any(|line| CREATES.iter().any(|text| line.contains(text)))
    };
    let found: BTreeSet<_> = sources().iter().filter(creates).map(Source::name).collect();
    let known: BTreeSet<_> = CREATORS.iter().map(|(file, ..)| (*file).into()).collect();
    assert_eq!(found, known, "files that create responses, and those known");
    for (file, place, text) in CREATORS {
        let source = sources().iter().find(|source| source.name() == place);
        let writes = source.is_some_and(|source| source.code().any(|line| line.contains(text)));
        assert!(writes || place.is_empty(), "{file}: no `{text}` in {place}");
    }
}
