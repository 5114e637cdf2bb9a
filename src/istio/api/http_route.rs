use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Int, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

message! {
    HttpRoute {
        name: Text,
        matches as "match": Nullable<HttpMatch>,
        route: Nullable<HttpDestination>,
        redirect: Option<Redirect>,
        direct_response: Option<DirectResponse>,
        delegate: Option<Delegate>,
        rewrite: Option<Rewrite>,
        timeout: Time,
        retries: Option<Retries>,
        fault: Option<Fault>,
        mirror: Option<Destination>,
        mirrors: Nullable<Mirror>,
        mirror_percent: UInt,
        mirror_percentage: Option<Percentage>,
        cors_policy: Option<CorsPolicy>,
        headers: Option<Headers>,
    }

    HttpMatch {
        name: Text,
        uri: Option<TextMatch>,
        scheme: Option<TextMatch>,
        method: Option<TextMatch>,
        authority: Option<TextMatch>,
        headers: Entries<TextMatch>,
        port: UInt,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        query_params: Entries<TextMatch>,
        ignore_uri_case: Flag,
        without_headers: Entries<TextMatch>,
        source_namespace: Text,
        stat_prefix: Text,
    }

    TextMatch {
        exact: Text,
        prefix: Text,
        regex: Text,
    }

    HttpDestination {
        destination: Option<Destination>,
        weight: Int,
        headers: Option<Headers>,
    }

    Destination {
        host: Text,
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
        port: UInt,
        derive_port: Pick<DerivePort>,
        scheme: Text,
        redirect_code: UInt,
        prefix_rewrite: Text,
    }

    DirectResponse {
        status: UInt,
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
        attempts: Int,
        per_try_timeout: Time,
        retry_on: Text,
        retry_remote_localities: Flag,
        retry_ignore_previous_hosts: Flag,
        backoff: Time,
    }

    Fault {
        delay: Option<Delay>,
        abort: Option<Abort>,
    }

    Delay {
        percent: Int,
        fixed_delay: Time,
        exponential_delay: Time,
        percentage: Option<Percentage>,
    }

    Abort {
        http_status: Int,
        grpc_status: Text,
        http2_error: Text,
        percentage: Option<Percentage>,
    }

    Percentage {
        value: Number,
    }

    Mirror {
        destination: Option<Destination>,
        percentage: Option<Percentage>,
    }

    CorsPolicy {
        allow_origin: Texts,
        allow_origins: Vec<TextMatch>,
        allow_methods: Texts,
        allow_headers: Texts,
        expose_headers: Texts,
        max_age: Time,
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
