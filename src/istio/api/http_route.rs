use crate::istio::api::fields::descriptor::declaration::{
    Declaration, ENFORCED, PERCENT, PORT_OR_ZERO, TIME, When, enforced, note, rejected, required,
    void,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Int, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

pub(super) const DESTINATION: Declaration =
    required("there is no destination", "write `destination: {host: …}`");
pub(super) const WEIGHT: Declaration = ENFORCED.zero_or_more("the weight is negative");
const NO_STATUS: &str = "the status is not between 200 and 599";
const WRITE_STATUS: &str = "write a status from 200 to 599";
const STATUS: Declaration =
    required(NO_STATUS, WRITE_STATUS).range(200.0, 599.0, NO_STATUS, WRITE_STATUS);

message! {
    HttpRoute {
        name: Text,
        matches as "match": Nullable<HttpMatch>,
        route: Nullable<HttpDestination>,
        redirect: Option<Box<Redirect>>,
        direct_response: Option<Box<DirectResponse>>,
        delegate: Option<Box<Delegate>>,
        rewrite: Option<Box<Rewrite>>,
        timeout: Time => TIME,
        retries: Option<Box<Retries>>,
        fault: Option<Box<Fault>>,
        mirror: Option<Box<Destination>>,
        mirrors: Nullable<Mirror>,
        mirror_percent: UInt => PERCENT.warns(
            "`mirrorPercent` is deprecated",
            "it is read as `mirrorPercentage`",
            "write `mirrorPercentage: {value: …}`",
        ),
        mirror_percentage: Option<Percentage>,
        cors_policy: Option<Box<CorsPolicy>>,
        headers: Option<Box<Headers>>,
    }

    HttpMatch {
        name: Text => void("a name, for Istio's statistics"),
        uri: Option<Box<TextMatch>>,
        scheme: Option<Box<TextMatch>>,
        method: Option<Box<TextMatch>>,
        authority: Option<Box<TextMatch>>,
        headers: Entries<TextMatch> => enforced(
            "`uri`, `scheme`, `method` and `authority` are ignored, as in Istio (`MSH0018`)",
        ),
        port: UInt => PORT_OR_ZERO,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        query_params: Entries<TextMatch>,
        ignore_uri_case: Flag,
        without_headers: Entries<TextMatch>,
        source_namespace: Text,
        stat_prefix: Text => note("metrics are distinguished by the route's name"),
    }

    TextMatch {
        exact: Text,
        prefix: Text,
        regex: Text,
    }

    HttpDestination {
        destination: Option<Destination> => DESTINATION,
        weight: Int => WEIGHT,
        headers: Option<Box<Headers>> => enforced("`MSH0018` for variables that only a proxy knows"),
    }

    Destination {
        host: Text => required("the destination has no host", "write `host`"),
        subset: Text,
        port: Option<PortSelector>,
    }

    PortSelector {
        number: UInt,
    }

    Headers {
        request: Option<HeaderOperations>,
        response: Option<HeaderOperations>,
    }

    HeaderOperations {
        set: Entries<Spanned<String>>,
        add: Entries<Spanned<String>>,
        remove: Texts,
    }

    Redirect {
        uri: Text,
        authority: Text,
        port: UInt => PORT_OR_ZERO,
        derive_port: Pick<DerivePort>,
        scheme: Text,
        redirect_code: UInt,
        prefix_rewrite: Text,
    }

    DirectResponse {
        status: UInt => STATUS,
        body: Option<Body>,
    }

    Body {
        string: Text,
        bytes: Text,
    }

    Delegate {
        name: Text,
        namespace: Text,
    }

    Rewrite {
        uri: Text,
        authority: Text,
        uri_regex_rewrite: Option<RegexRewrite>,
    }

    RegexRewrite {
        matches as "match": Text,
        rewrite: Text,
    }

    Retries {
        attempts: Int => ENFORCED.zero_or_more("`attempts` is negative"),
        per_try_timeout: Time => TIME,
        retry_on: Text,
        retry_remote_localities: Flag => note("endpoints have no localities"),
        retry_ignore_previous_hosts: Flag
            => note(
                "a retry prefers an endpoint without a previous attempt, unless a hash selects it",
            )
            .when(When::Is(&["false"])),
        backoff: Time => TIME,
    }

    Fault {
        delay: Option<Delay>,
        abort: Option<Abort>,
    }

    Delay {
        percent: Int => enforced("deprecated (`IST0002`)").percent(),
        fixed_delay: Time => TIME,
        exponential_delay: Time
            => rejected("`exponentialDelay` is not implemented", "write `fixedDelay`"),
        percentage: Option<Percentage>,
    }

    Abort {
        // 600 as well: Istio accepts it.
        http_status: Int => ENFORCED.range(200.0, 600.0, NO_STATUS, WRITE_STATUS),
        grpc_status: Text,
        http2_error: Text => rejected("`http2Error` is not implemented", "write `httpStatus`"),
        percentage: Option<Percentage>,
    }

    Percentage {
        value: Number,
    }

    Mirror {
        destination: Option<Destination> => DESTINATION,
        percentage: Option<Percentage>,
    }

    CorsPolicy {
        allow_origin: Texts => ENFORCED.warns(
            "`allowOrigin` is deprecated",
            "it is read as `allowOrigins`",
            "write `allowOrigins: [{exact: …}]`",
        ),
        allow_origins: Vec<TextMatch>,
        allow_methods: Texts,
        allow_headers: Texts,
        expose_headers: Texts,
        max_age: Time => TIME,
        allow_credentials: Flag,
        unmatched_preflights: Pick<UnmatchedPreflights>,
    }
}

choice! {
    DerivePort {
        Protocol "FROM_PROTOCOL_DEFAULT",
        Request "FROM_REQUEST_PORT",
    }

    UnmatchedPreflights {
        Unspecified "UNSPECIFIED",
        Forward "FORWARD",
        Ignore "IGNORE",
    }
}
