//! The example shows what it claims, and it can fail: with any one part switched off it does.
//!
//! It runs the example as a process, built by cargo beside the tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

#[test]
fn everything_is_as_expected() {
    let output = run(&[]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(!shown.contains("DIFFERS"), "{shown}");
    assert!(
        !shown.contains('\u{1b}'),
        "no colour codes where nobody sees them: {shown}"
    );
    for line in shown.lines() {
        assert!(line.chars().count() <= 100, "a terminal's width: {line}");
    }
}

#[test]
fn without_the_breaker_roboflow_gets_no_rest() {
    fails_without("breaker", "calls that reach Roboflow in these 30 s");
}

#[test]
fn without_the_ingress_s_retries_users_notice_that_a_pod_is_gone() {
    fails_without("ingress", "users who noticed that a pod is gone");
}

#[test]
fn without_the_rate_limit_openai_is_called_too_often() {
    fails_without("rate-limit", "calls to OpenAI in any minute, at the most");
}

#[test]
fn a_key_that_callers_choose_limits_nobody() {
    fails_without("key", "127.0.0.2 with a made-up address each: of 15");
}

#[test]
fn without_the_timeout_nobody_is_answered() {
    fails_without("timeout", "the answer");
}

#[test]
fn without_the_split_v2_gets_nothing() {
    fails_without("split", "v2's share of 300 requests at 50 %");
}

#[test]
fn without_a_sticky_choice_users_meet_both_versions() {
    fails_without("sticky", "users that met both versions");
}

#[test]
fn without_the_retry_lookups_fail() {
    fails_without("retry", "lookups that worked");
}

#[test]
fn without_the_trace_each_hop_is_alone() {
    fails_without("trace", "hops that carry the user's trace id");
}

#[test]
fn without_the_ejection_a_bad_endpoint_is_asked_on_and_on() {
    fails_without("endpoints", "lookups that reach it in these 30 s");
}

#[test]
fn without_mtls_a_stranger_is_answered() {
    let output = run(&["--only", "identity", "--break", "mtls"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let differs = shown
        .lines()
        .find(|line| line.contains("the answer without a certificate"));
    assert!(
        differs.is_some_and(|line| line.ends_with("DIFFERS")),
        "{shown}"
    );
}

#[test]
fn without_the_policy_each_workload_with_a_certificate_is_answered() {
    let output = run(&["--only", "identity", "--break", "authorization"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for what in [
        "the answer to a workload that may not call",
        "the policy that refused it",
    ] {
        let row = shown.lines().find(|line| line.contains(what));
        assert!(row.is_some_and(|row| row.ends_with("DIFFERS")), "{shown}");
    }
}

#[test]
fn without_the_mirror_v2_gets_no_copies() {
    fails_without("mirror", "copies of 600 requests at 10 %");
}

#[test]
fn without_the_faults_nothing_is_aborted() {
    fails_without("faults", "aborted of 300 at 20 %");
}

#[test]
fn without_the_analysis_v2_stays_where_it_is() {
    fails_without("canary", "v2 was promoted");
}

#[test]
fn without_the_policy_everyone_confirms_results() {
    fails_without("authorization", "a private result");
}

#[test]
fn without_metrics_nothing_says_that_a_breaker_opened() {
    fails_without("seen", "requests refused, by the metric");
}

#[test]
fn when_nobody_reads_on_it_ends_without_a_word() {
    let mut child = Command::new(example())
        .args(["--only", "faults", "--scale", "20"])
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let shown = child.stdout.take().expect("it is piped");
    let mut first = String::new();
    let read = BufReader::new(shown).read_line(&mut first);
    read.expect("a line is shown");
    // The pipe is closed by now.
    let output = child.wait_with_output().expect("it ends");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*complaint), (Some(0), ""));
}

#[test]
fn with_serve_the_services_stay_up() {
    let mut child = Command::new(example())
        .arg("--serve")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    // Open to the end: where nobody reads on, it ends.
    let mut shown = BufReader::new(child.stdout.take().expect("it is piped"));
    let answer = ask_first_command(&mut shown);
    child.kill().expect("it is still up");
    child.wait().expect("it ends");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

/// Does what the first `curl` command says that is shown.
fn ask_first_command(shown: &mut impl BufRead) -> String {
    let lines = shown.lines().map_while(Result::ok);
    let url = lines.filter_map(|line| Some(line.strip_prefix("curl -i http://")?.to_owned()));
    let url = url.into_iter().next().expect("a command is shown");
    let (host, path) = url.split_once('/').expect("a URL has a path");
    let mut stream = TcpStream::connect(host).expect("the service listens");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .expect("the service reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the service answers");
    answer
}

#[test]
fn what_it_does_not_know_it_says() {
    let output = run(&["--break", "everything"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("there is no case `everything`"),
        "{complaint}"
    );
}

/// The case about `part` fails when that is switched off, and the table says where.
fn fails_without(part: &str, row: &str) {
    let output = run(&["--only", part, "--break", part, "--scale", "20"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let row = shown
        .lines()
        .find(|line| line.contains(row) && line.ends_with("DIFFERS"));
    assert!(row.is_some(), "{shown}");
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(example());
    command.args(args).env_remove("RUST_LOG");
    command.output().expect("the example starts")
}

/// Builds the example, and returns where it lies: `target/<profile>/examples` beside the `target/<profile>/deps` of
/// this test.
///
/// `cargo test` without a selection has built it, and cargo finds that; `cargo test --test e2e` has not, and one that
/// an earlier run left may be out of date.
fn example() -> &'static Path {
    static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let profile = test.ancestors().nth(2);
        let profile = profile.expect("a test lies in target/<profile>/deps");
        let name = profile.file_name().and_then(|name| name.to_str());
        // The profile `dev` has the only folder that is not named as its profile.
        let name = name.filter(|name| *name != "debug").unwrap_or("dev");
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--all-features",
                "--example",
                "five_services",
            ])
            .args(["--profile", name, "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .arg("--target-dir")
            .arg(profile.parent().expect("profiles lie in a folder"))
            .status();
        assert!(built.expect("cargo starts").success(), "it builds");
        profile.join(format!(
            "examples/five_services{}",
            std::env::consts::EXE_SUFFIX
        ))
    });
    &EXAMPLE
}
