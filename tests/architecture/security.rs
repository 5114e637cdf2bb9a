//! The page about security: each of its statements is held by a test, or by the line of the code that decides it.

use std::fs;
use std::path::{Path, PathBuf};

/// Proof of a statement.
enum Proof {
    /// A line of a file below the root of the crate.
    Line(&'static str, &'static str),
    /// The name of a test.
    Test(&'static str),
}

use Proof::{Line, Test};

/// Statements of the page, with what holds them.
const STATEMENTS: [(&str, &[Proof]); 63] = [
    (
        "an invalid value is a typed error, no panic",
        &[Test("each_mistake_is_found_and_its_mend_told")],
    ),
    (
        "64 MiB of text",
        &[Line(
            "src/istio/loader/load.rs",
            "MAX_TEXT: usize = 64 << 20",
        )],
    ),
    (
        "3 MiB a document",
        &[Line(
            "src/istio/loader/load.rs",
            "MAX_DOCUMENT: usize = 3 << 20",
        )],
    ),
    (
        "100,000 documents",
        &[Line(
            "src/istio/loader/load.rs",
            "MAX_DOCUMENTS: usize = 100_000",
        )],
    ),
    (
        "64 levels of nesting",
        &[
            Line("src/istio/syntax/yaml.rs", "MAX_DEPTH: usize = 64"),
            Test("too_deep_and_too_large_documents_are_refused"),
        ],
    ),
    (
        "aliases and merge keys count when they are expanded",
        &[Test("an_alias_bomb_is_refused")],
    ),
    (
        "8 MiB compiled",
        &[
            Line(
                "src/foundation/matching/re2.rs",
                "SIZE_LIMIT: usize = 8 << 20",
            ),
            Test("a_bad_or_huge_regex_is_an_error_that_says_which"),
        ],
    ),
    (
        "100 groups or repetitions in one another",
        &[Line(
            "src/foundation/matching/re2/writer.rs",
            "DEEPEST: usize = 100",
        )],
    ),
    (
        "up to 30 s by hand",
        &[
            Line(
                "src/policies/retry/policy.rs",
                "retry_after: Duration::from_secs(30)",
            ),
            Test("what_the_server_asks_for_is_capped_and_does_not_lengthen_the_backoff"),
        ],
    ),
    (
        "redirects, up to 10",
        &[Line("tests/e2e/redirects.rs", "more than 10 redirects")],
    ),
    (
        "a timeout (15 s with `outbound()`)",
        &[Line(
            "src/mesh/stack.rs",
            "TOTAL_TIMEOUT: Duration = Duration::from_secs(15)",
        )],
    ),
    (
        "a budget of retries",
        &[Test("without_a_budget_an_outage_costs_every_retry")],
    ),
    (
        "verifies the name by TLS",
        &[Test(
            "a_certificate_for_another_name_is_a_failure_to_connect",
        )],
    ),
    (
        "set it by a header, unless the peer is among `ClientAddress::trusting`",
        &[Test("a_spoofed_x_forwarded_for_gains_nothing")],
    ),
    (
        "entries further left than the first untrusted address are ignored",
        &[Test("the_caller_is_the_right_most_hop_that_is_not_trusted")],
    ),
    (
        "lengthen it beyond the route's own",
        &[Test(
            "the_sooner_of_policy_header_and_current_deadline_holds_and_is_told",
        )],
    ),
    (
        "`TimeoutPolicy::with_incoming(false)` ignores it",
        &[Test(
            "deadlines_of_callers_can_be_ignored_and_ours_kept_to_ourselves",
        )],
    ),
    (
        "send a context that is not valid: it is dropped, and a new trace starts",
        &[Test(
            "unreadable_headers_begin_a_trace_and_a_readable_format_beside_them_counts",
        )],
    ),
    (
        "choose it, as under a sidecar, up to 256 bytes",
        &[
            Line(
                "src/policies/telemetry/context/request_id.rs",
                "LONGEST: usize = 256",
            ),
            Test("a_request_id_is_made_when_missing_and_kept_when_sound"),
        ],
    ),
    (
        "at a gateway: it gets a new one",
        &[Test(
            "a_gateway_says_itself_who_calls_and_removes_what_a_stranger_says",
        )],
    ),
    (
        "cause a fault, unless `FaultInjectionPolicy::with_header_control(true)`",
        &[Test("a_request_asks_for_its_fault_only_where_it_may")],
    ),
    (
        "100 000 keys are remembered",
        &[
            Test("the_page_about_configuration_shows_the_defaults"),
            Test("the_count_of_keys_is_bounded_and_a_flood_does_not_free_who_is_limited"),
        ],
    ),
    (
        "make a retry keep more than `RetryPolicy::with_replay_limit`",
        &[Test(
            "a_body_in_memory_is_sent_again_up_to_a_mebibyte_and_a_stream_up_to_64_kibibytes",
        )],
    ),
    (
        "up to 1024 with `inbound()`",
        &[
            Line("src/mesh/stack.rs", "MAX_IN_FLIGHT: u32 = 1_024"),
            Test("the_inbound_stack_limits_by_what_it_is_told"),
        ],
    ),
    (
        "hold a handler beyond the timeout of `inbound()`",
        &[
            Line("examples/gateway.rs", ".header_read_timeout("),
            Test("the_page_about_configuration_shows_the_defaults"),
        ],
    ),
    (
        "two `Host` fields or an invalid one",
        &[Test(
            "a_request_for_no_host_is_for_no_route_and_one_for_two_is_refused",
        )],
    ),
    (
        "`Content-Length` beside `Transfer-Encoding`, several lengths",
        &[Test(
            "a_length_is_told_once_whichever_server_read_the_request",
        )],
    ),
    ("`%00`", &[Test("each_reply_of_a_gateway_says_whose_it_is")]),
    ("404 to `CONNECT`", &[Test("no_route_is_for_connect")]),
    (
        "403 to upgrades other than WebSocket",
        &[
            Test("each_reply_of_a_gateway_says_whose_it_is"),
            Test("an_upgrade_to_http2_is_as_good_as_not_asked_for"),
        ],
    ),
    (
        "It removes `x-envoy-*`, `x-forwarded-client-cert` and hop-by-hop fields",
        &[
            Test("a_gateway_says_itself_who_calls_and_removes_what_a_stranger_says"),
            Test("what_connection_names_goes_and_an_upgrade_stays"),
        ],
    ),
    (
        "`Gateway::with_trusted_proxies` names the hops in front whose headers count",
        &[Test("a_caller_is_who_the_proxies_say_that_are_trusted")],
    ),
    (
        "A redirect to another origin does not carry credentials, cookies or `Host`",
        &[Test("credentials_are_not_shown_to_another_host")],
    ),
    (
        "Headers of `TracePolicy::with_forwarded` go to all called services",
        &[Test(
            "further_headers_are_forwarded_as_the_policy_lists_them",
        )],
    ),
    (
        "`POST` and `PATCH` are not repeated once they may have been processed",
        &[Test("a_post_is_repeated_only_if_it_was_never_looked_at")],
    ),
    (
        "A mirror sends requests with all their headers",
        &[Test("a_copy_is_marked_and_goes_where_the_original_goes")],
    ),
    (
        "Local replies have Envoy's texts, without addresses, hosts or policies of this process",
        &[Test("no_reply_says_what_only_the_process_knows")],
    ),
    (
        "A host that no document names passes through unchanged",
        &[Test("a_host_without_documents_is_istios_passthrough")],
    ),
    (
        "`Mesh::builder().with_registry_only(true)` refuses it with 502",
        &[
            Test("a_registry_only_mesh_refuses_what_no_document_names"),
            Test("a_host_that_no_document_names_passes_or_is_rejected_as_the_mesh_is_told_to"),
        ],
    ),
    (
        "have a token let in that is forged, expired or for others",
        &[
            Test("every_answer_is_that_of_real_envoy"),
            Test("a_forged_token_is_not_remembered"),
        ],
    ),
    (
        "bring the headers that rules write",
        &[Test("headers_of_claims_cannot_be_brought_by_a_caller")],
    ),
    (
        "have keys fetched more often than every 30 s",
        &[Test("tokens_of_made_up_keys_cause_one_fetch_in_30_seconds")],
    ),
    (
        "one URI, a SPIFFE ID with a path",
        &[
            Test("a_server_refuses_what_breaks_a_rule_and_names_the_reason"),
            Test("a_client_refuses_a_server_that_breaks_a_rule_and_names_the_reason"),
        ],
    ),
    (
        "the roots of one vouch for no workload of another",
        &[Test(
            "roots_of_a_federated_domain_vouch_for_its_workloads_alone",
        )],
    ),
    (
        "or the service accounts of its endpoints",
        &[Test(
            "a_server_must_have_one_of_the_written_names_or_the_account_of_an_endpoint",
        )],
    ),
    (
        "in each the oldest; an unset mode inherits",
        &[
            Test("the_most_specific_policy_decides_and_an_unset_mode_inherits"),
            Test("of_several_policies_on_one_level_the_oldest_decides"),
            Test("a_change_of_the_documents_holds_for_the_next_connection"),
        ],
    ),
    (
        "plain text is closed without an answer",
        &[Test(
            "plain_text_at_a_strict_port_is_closed_without_an_answer_and_counted_by_caller",
        )],
    ),
    (
        "the first byte decides",
        &[Test(
            "each_client_reaches_the_servers_that_it_reaches_through_sidecars",
        )],
    ),
    (
        "a client of reqwest's connector refuses what it cannot do",
        &[
            Test("without_a_rule_the_labels_of_endpoints_decide"),
            Test("a_client_that_cannot_do_what_a_rule_demands_refuses_instead_of_plain_text"),
        ],
    ),
    (
        "a pair that is half written is not used",
        &[
            Test("files_are_followed_and_a_half_written_pair_is_not_used"),
            Test("certificates_and_roots_are_replaced_under_load_without_a_failed_request"),
        ],
    ),
    (
        "hold for the next connection: sessions are not resumed",
        &[Test(
            "a_root_that_is_removed_from_the_bundle_vouches_for_no_new_connection",
        )],
    ),
    (
        "1,024 of both at once",
        &[
            Test("a_caller_that_says_nothing_or_stops_in_its_handshake_is_closed_in_time"),
            Test("handshakes_beyond_the_cap_wait_for_those_within_it"),
        ],
    ),
    // Said so that it is not expected; what is not there has no test.
    ("revocation lists (`caCrl`)", &[]),
    (
        "over gRPC the status 7",
        &[
            Test("a_denial_names_the_rule_and_its_line_to_the_server_alone"),
            Test("a_grpc_caller_gets_the_status_of_a_denied_permission"),
        ],
    ),
    (
        "`CUSTOM`, the check of tokens, `AUDIT`, `DENY`, `ALLOW`",
        &[
            Test("an_external_authorizer_decides_before_tokens_are_checked"),
            Test("requests_are_audited_denied_and_allowed_in_this_order"),
            Test("a_policy_holds_for_the_workloads_that_it_selects"),
        ],
    ),
    (
        "A mesh whose policies compare identities does not start",
        &[Test(
            "identities_that_plain_text_does_not_have_are_an_error_of_the_mesh",
        )],
    ),
    (
        "is the one that the application gets",
        &[Test("the_application_sees_the_path_that_was_compared")],
    ),
    (
        "What the process does not know denies",
        &[Test("what_is_not_known_denies")],
    ),
    (
        "compare the last hop of `X-Forwarded-For`",
        &[
            Line(
                "src/mesh/service_mesh/proxy/authorization.rs",
                "Role::Workload => RemoteAddress::LastForwarded",
            ),
            Test("a_gateway_enforces_the_policies_of_its_selector"),
        ],
    ),
    (
        "a mesh does not start with one, and a change with one leaves all policies as they are",
        &[Test(
            "a_mesh_does_not_start_with_a_policy_that_has_an_error",
        )],
    ),
    (
        "Without it, or with an error, the request is denied",
        &[Test(
            "an_external_authorizer_that_fails_or_is_not_known_denies",
        )],
    ),
    (
        "A policy in dry run",
        &[Test("a_policy_in_dry_run_is_reported_and_not_enforced")],
    ),
    (
        "No `unsafe`",
        &[Line("Cargo.toml", "unsafe_code = \"forbid\"")],
    ),
];

#[test]
fn each_statement_about_security_is_held_by_a_test_or_by_the_line_that_decides_it() {
    let page = read(&root().join("docs/security.md"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let spaced = words(&page);
    let mut tests = String::new();
    collect(&root().join("src"), &mut tests);
    collect(&root().join("tests"), &mut tests);
    for (statement, proofs) in STATEMENTS {
        assert!(
            spaced.contains(statement),
            "the page does not say: {statement}"
        );
        for proof in proofs {
            match proof {
                Line(file, line) => {
                    let holds = read(&root().join(file)).contains(line);
                    assert!(holds, "{statement}: no `{line}` in {file}");
                }
                Test(name) => {
                    let holds = tests.contains(&format!("fn {name}("));
                    assert!(holds, "{statement}: no test {name}");
                }
            }
        }
    }
    // A new row or item says something that the table above does not know.
    let mut items: Vec<String> = Vec::new();
    for line in page.lines() {
        if line.starts_with("- ") || line.starts_with("| ") && !line.starts_with("| |") {
            items.push(line.into());
        } else if line.starts_with("  ") && !items.is_empty() {
            let last = items.last_mut().expect("there is one");
            last.push(' ');
            last.push_str(line);
        }
    }
    for item in items.iter().map(|item| words(item)) {
        let is_held = STATEMENTS
            .iter()
            .any(|(statement, _)| item.contains(statement));
        assert!(is_held, "no test is named for: {item}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| unreachable!("{}: {error}", path.display()))
}

/// Appends the text of all Rust files of a folder.
fn collect(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&read(&path));
        }
    }
}
