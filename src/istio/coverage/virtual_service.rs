use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::virtual_service::VirtualService;

pub(super) const TABLE: Table = Table {
    title: "VirtualService",
    kind: "VirtualService",
    root: VirtualService::fields,
    around: "SPEC",
    prefix: "spec.",
    rows: ROWS,
    enforced: &[
        "{hosts: [a.com], gateways: [mesh], exportTo: ['*'], http: [{name: a, \
         match: [{name: m, uri: {regex: '/a.*'}, scheme: {exact: http}, \
         method: {exact: GET}, authority: {prefix: a}, headers: {x-a: {exact: b}}, port: 80, \
         sourceLabels: {app: a}, gateways: [mesh], queryParams: {q: {exact: b}}, \
         ignoreUriCase: true, withoutHeaders: {x-b: {exact: b}}, sourceNamespace: a}], \
         route: [{destination: {host: a.com, subset: v1, port: {number: 80}}, weight: 1, \
         headers: {request: {set: {x-a: b}, add: {x-b: c}, remove: [x-c]}, \
         response: {set: {x-a: b}}}}], rewrite: {uri: /b, authority: b.com}, timeout: 5s, \
         retries: {attempts: 2, perTryTimeout: 1s, retryOn: 5xx, backoff: 10ms}, \
         mirror: {host: b.com}, mirrorPercentage: {value: 1.0}, \
         headers: {request: {set: {x-d: e}}}}]}",
        "{hosts: [a.com], http: [{route: [{destination: {host: a.com}}], \
         rewrite: {uriRegexRewrite: {match: /a, rewrite: /b}}, \
         fault: {delay: {percentage: {value: 1.0}, fixedDelay: 1s}, \
         abort: {percentage: {value: 1.0}, httpStatus: 500}}, \
         mirrors: [{destination: {host: b.com}, percentage: {value: 1.0}}]}]}",
        "{hosts: [a.com], http: [{route: [{destination: {host: a.com}}], \
         fault: {delay: {percent: 1, fixedDelay: 1s}, abort: {percentage: {value: 1.0}, \
         grpcStatus: UNAVAILABLE}}, mirror: {host: b.com}, mirrorPercent: 5}]}",
        "{hosts: [a.com], http: [{redirect: {uri: /b, authority: b.com, port: 81, \
         scheme: https, redirectCode: 302}}]}",
        "{hosts: [a.com], http: [{match: [{uri: {prefix: /a}}], \
         redirect: {prefixRewrite: /b, derivePort: FROM_REQUEST_PORT}}]}",
        "{hosts: [a.com], http: [{match: [{uri: {exact: /a}}], directResponse: {status: 200, \
         body: {string: a}}}, {directResponse: {status: 200, body: {bytes: YQ==}}}]}",
        "{hosts: [a.com], http: [{match: [{uri: {prefix: /a}}], delegate: {name: b, \
         namespace: c}}]}",
    ],
    noted: &[
        "{hosts: [a.com], http: [{match: [{uri: {prefix: /a}, statPrefix: b}], \
         route: [{destination: {host: a.com}}], retries: {attempts: 1, \
         retryRemoteLocalities: true, retryIgnorePreviousHosts: false}, \
         corsPolicy: {allowOrigins: [{exact: '*'}]}}], tls: [{match: [{sniHosts: [a.com]}], \
         route: [{destination: {host: a.com}}]}], \
         tcp: [{route: [{destination: {host: a.com}}]}]}",
    ],
    rejected: &[
        "{hosts: [a.com], http: [{route: [{destination: {host: a.com}}], \
         fault: {delay: {exponentialDelay: 1s, percentage: {value: 1.0}}}}]}",
        "{hosts: [a.com], http: [{route: [{destination: {host: a.com}}], \
         fault: {abort: {http2Error: a, percentage: {value: 1.0}}}}]}",
    ],
};

const ROWS: &[(&str, Support)] = &[
    ("hosts", ENFORCED),
    ("gateways", ENFORCED),
    ("http", ENFORCED),
    ("http.name", ENFORCED),
    ("http.match", ENFORCED),
    (
        "http.match.name",
        Support::Void("a name, for Istio's statistics"),
    ),
    ("http.match.uri", ENFORCED),
    ("http.match.uri.exact", ENFORCED),
    ("http.match.uri.prefix", ENFORCED),
    ("http.match.uri.regex", ENFORCED),
    ("http.match.scheme", ENFORCED),
    ("http.match.method", ENFORCED),
    ("http.match.authority", ENFORCED),
    (
        "http.match.headers",
        Support::Enforced(
            "`uri`, `scheme`, `method` and `authority` are ignored, as in Istio (`MSH0018`)",
        ),
    ),
    ("http.match.port", ENFORCED),
    ("http.match.sourceLabels", ENFORCED),
    ("http.match.gateways", ENFORCED),
    ("http.match.queryParams", ENFORCED),
    ("http.match.ignoreUriCase", ENFORCED),
    ("http.match.withoutHeaders", ENFORCED),
    ("http.match.sourceNamespace", ENFORCED),
    ("http.match.statPrefix", NOTED),
    ("http.route", ENFORCED),
    ("http.route.destination", ENFORCED),
    ("http.route.destination.host", ENFORCED),
    ("http.route.destination.subset", ENFORCED),
    ("http.route.destination.port", ENFORCED),
    ("http.route.destination.port.number", ENFORCED),
    ("http.route.weight", ENFORCED),
    (
        "http.route.headers",
        Support::Enforced("`MSH0018` for variables that only a proxy knows"),
    ),
    ("http.route.headers.request", ENFORCED),
    ("http.route.headers.request.set", ENFORCED),
    ("http.route.headers.request.add", ENFORCED),
    ("http.route.headers.request.remove", ENFORCED),
    ("http.route.headers.response", ENFORCED),
    ("http.redirect", ENFORCED),
    ("http.redirect.uri", ENFORCED),
    ("http.redirect.authority", ENFORCED),
    ("http.redirect.port", ENFORCED),
    ("http.redirect.derivePort", ENFORCED),
    ("http.redirect.scheme", ENFORCED),
    ("http.redirect.redirectCode", ENFORCED),
    ("http.redirect.prefixRewrite", ENFORCED),
    ("http.directResponse", ENFORCED),
    ("http.directResponse.status", ENFORCED),
    ("http.directResponse.body", ENFORCED),
    ("http.directResponse.body.string", ENFORCED),
    ("http.directResponse.body.bytes", ENFORCED),
    ("http.delegate", ENFORCED),
    ("http.delegate.name", ENFORCED),
    ("http.delegate.namespace", ENFORCED),
    ("http.rewrite", ENFORCED),
    ("http.rewrite.uri", ENFORCED),
    ("http.rewrite.authority", ENFORCED),
    ("http.rewrite.uriRegexRewrite", ENFORCED),
    ("http.rewrite.uriRegexRewrite.match", ENFORCED),
    ("http.rewrite.uriRegexRewrite.rewrite", ENFORCED),
    ("http.timeout", ENFORCED),
    ("http.retries", ENFORCED),
    ("http.retries.attempts", ENFORCED),
    ("http.retries.perTryTimeout", ENFORCED),
    ("http.retries.retryOn", ENFORCED),
    ("http.retries.retryRemoteLocalities", NOTED),
    ("http.retries.retryIgnorePreviousHosts", NOTED),
    ("http.retries.backoff", ENFORCED),
    ("http.fault", ENFORCED),
    ("http.fault.delay", ENFORCED),
    (
        "http.fault.delay.percent",
        Support::Enforced("deprecated (`IST0002`)"),
    ),
    ("http.fault.delay.fixedDelay", ENFORCED),
    ("http.fault.delay.exponentialDelay", Support::Rejected),
    ("http.fault.delay.percentage", ENFORCED),
    ("http.fault.delay.percentage.value", ENFORCED),
    ("http.fault.abort", ENFORCED),
    ("http.fault.abort.httpStatus", ENFORCED),
    ("http.fault.abort.grpcStatus", ENFORCED),
    ("http.fault.abort.http2Error", Support::Rejected),
    ("http.fault.abort.percentage", ENFORCED),
    ("http.mirror", ENFORCED),
    ("http.mirrors", ENFORCED),
    ("http.mirrors.destination", ENFORCED),
    ("http.mirrors.percentage", ENFORCED),
    (
        "http.mirrorPercent",
        Support::Enforced("deprecated (`IST0002`)"),
    ),
    ("http.mirrorPercentage", ENFORCED),
    ("http.corsPolicy", NOTED),
    ("http.headers", ENFORCED),
    ("tls", NOTED),
    ("tcp", NOTED),
    ("exportTo", ENFORCED),
];
