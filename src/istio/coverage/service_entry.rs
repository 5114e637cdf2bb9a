use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::service_entry::ServiceEntry;

pub(super) const TABLE: Table = Table {
    title: "ServiceEntry",
    kind: "ServiceEntry",
    root: ServiceEntry::fields,
    around: "SPEC",
    prefix: "spec.",
    rows: ROWS,
    enforced: &[
        "{hosts: [a.com], ports: [{number: 80, protocol: HTTP, name: http, \
         targetPort: 8080}], location: MESH_INTERNAL, resolution: STATIC, exportTo: ['*'], \
         endpoints: [{address: 10.0.0.1, ports: {http: 81}, labels: {version: v1}, \
         weight: 2}]}",
    ],
    noted: &[
        "{hosts: [a.com], addresses: [10.0.0.9], ports: [{number: 80, protocol: HTTP, \
         name: http}], resolution: STATIC, \
         subjectAltNames: [a.com], endpoints: [{address: 10.0.0.1, network: a, locality: eu, \
         serviceAccount: a}]}",
        "{hosts: [a.com], ports: [{number: 80, protocol: HTTP, name: http}], \
         resolution: STATIC, workloadSelector: {labels: {app: a}}}",
    ],
    rejected: &[],
};

const ROWS: &[(&str, Support)] = &[
    ("hosts", ENFORCED),
    ("addresses", NOTED),
    ("ports", ENFORCED),
    ("ports.number", ENFORCED),
    ("ports.protocol", ENFORCED),
    ("ports.name", ENFORCED),
    ("ports.targetPort", ENFORCED),
    (
        "location",
        Support::Enforced("headers that only services of the mesh are to see"),
    ),
    ("resolution", ENFORCED),
    ("endpoints", ENFORCED),
    (
        "endpoints.address",
        Support::Enforced("except Unix domain sockets (`MSH0018`)"),
    ),
    ("endpoints.ports", ENFORCED),
    ("endpoints.labels", ENFORCED),
    ("endpoints.network", NOTED),
    ("endpoints.locality", NOTED),
    ("endpoints.weight", ENFORCED),
    ("endpoints.serviceAccount", NOTED),
    ("workloadSelector", NOTED),
    ("exportTo", ENFORCED),
    ("subjectAltNames", NOTED),
];
