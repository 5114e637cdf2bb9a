use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::gateway::Gateway;
use crate::istio::diagnostics::code::Code;

pub(super) const TABLE: Table = Table {
    title: "Gateway",
    kind: "Gateway",
    root: Gateway::fields,
    around: "SPEC",
    prefix: "spec.",
    rows: ROWS,
    enforced: &[
        "{selector: {istio: ingressgateway}, servers: [{port: {number: 80, protocol: HTTP, \
         name: http}, name: a, hosts: [a.com], tls: {httpsRedirect: true}}]}",
    ],
    noted: &[
        "{servers: [{port: {number: 80, protocol: HTTP, name: http, targetPort: 8080}, \
         bind: 127.0.0.1, defaultEndpoint: '127.0.0.1:80', hosts: [a.com]}]}",
        "{servers: [{port: {number: 443, protocol: HTTPS, name: https}, hosts: [a.com], \
         tls: {mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c, \
         caCrl: /d, subjectAltNames: [a.com], \
         verifyCertificateSpki: [YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=], \
         verifyCertificateHash: [3fb1bfe8bbb1a1ee1ef7f5fd8a8b8a2f2c9a2c3e0b7f4a0c5d6e7f8091a2b3c4], \
         minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3, \
         cipherSuites: [ECDHE-RSA-AES256-GCM-SHA384], ecdhCurves: [P-256], \
         insecureSkipVerify: false}}]}",
        "{servers: [{port: {number: 443, protocol: HTTPS, name: https}, hosts: [a.com], \
         tls: {mode: MUTUAL, credentialName: a, caCertCredentialName: b}}]}",
        "{servers: [{port: {number: 443, protocol: HTTPS, name: https}, hosts: [a.com], \
         tls: {mode: SIMPLE, credentialNames: [a, b]}}]}",
        "{servers: [{port: {number: 443, protocol: HTTPS, name: https}, hosts: [a.com], \
         tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]}}]}",
    ],
    rejected: &[],
};

const ROWS: &[(&str, Support)] = &[
    ("servers", ENFORCED),
    ("servers.port", ENFORCED),
    ("servers.port.number", ENFORCED),
    (
        "servers.port.protocol",
        Support::Enforced("HTTP, HTTP2, GRPC and HTTPS; `MSH0018` for others"),
    ),
    ("servers.port.name", Support::Void("a name")),
    (
        "servers.port.targetPort",
        Support::Noted(Code::SchemaWarning, ""),
    ),
    ("servers.bind", NOTED),
    ("servers.hosts", ENFORCED),
    ("servers.tls", ENFORCED),
    ("servers.tls.httpsRedirect", ENFORCED),
    ("servers.tls.mode", NOTED),
    (
        "servers.tls.serverCertificate",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.privateKey",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.caCertificates",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.caCrl",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.credentialName",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.credentialNames",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.tlsCertificates",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.caCertCredentialName",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.subjectAltNames",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.verifyCertificateSpki",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.verifyCertificateHash",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.minProtocolVersion",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.maxProtocolVersion",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.cipherSuites",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.ecdhCurves",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    (
        "servers.tls.insecureSkipVerify",
        Support::Noted(Code::FieldWithoutEffect, "servers.tls.mode"),
    ),
    ("servers.defaultEndpoint", NOTED),
    ("servers.name", Support::Void("a name")),
    (
        "selector",
        Support::Enforced("selects the EnvoyFilters; the gateway itself is found by its name"),
    ),
];
