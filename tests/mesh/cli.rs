//! The program `meshless`: its exit codes, its forms of output, and what it reads.

mod access;
mod completions;
mod formats;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::support::Folder;

pub(crate) const BAD: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users]
  http:
  - retires: {attempts: 2}
    route:
    - destination: {host: users}
";

/// Legal, with a warning: its subset is not defined.
pub(crate) const DUBIOUS: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users]
  http:
  - route:
    - destination: {host: users, subset: v1}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users
";

pub(crate) const GOOD: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users]
  http:
  - route:
    - destination: {host: users}
";

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshless"));
    command.stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// Runs the program with a text as its standard input.
pub(crate) fn run_with(args: &[&str], text: &[u8]) -> Output {
    let mut command = program();
    let piped = command.args(args).stdin(Stdio::piped());
    let mut child = piped
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn the_exit_code_of_a_check_says_whether_a_mesh_would_take_the_documents() {
    for (text, args, expected) in [
        (GOOD, &["check", "-"][..], 0),
        (GOOD, &["check", "-", "--deny", "warnings"], 0),
        (DUBIOUS, &["check", "-"], 0),
        (DUBIOUS, &["check", "--deny", "warnings", "-"], 1),
        (BAD, &["check", "-"], 1),
        (BAD, &["check", "-", "--format", "json"], 1),
        (BAD, &["check", "-", "--format", "sarif"], 1),
        (BAD, &["check", "-", "--format", "github"], 1),
        ("", &["check", "-"], 2),
    ] {
        let output = run_with(args, text.as_bytes());
        assert_eq!(code(&output), expected, "{args:?} {output:?}");
    }
}

#[test]
fn wrong_use_ends_with_2_and_says_why() {
    for (args, reason) in [
        (&["check"][..], "required arguments"),
        (&["check", "x", "--format", "xml"], "invalid value 'xml'"),
        (&["check", "x", "--deny", "notes"], "invalid value 'notes'"),
        (&["explain", "x"], "required arguments"),
        (
            &["explain", "--from", "a.b", "--url", "/x", "x"],
            "such as http://users/1",
        ),
        (
            &[
                "explain",
                "--from",
                "a.b",
                "--url",
                "http://a/",
                "-H",
                "version",
                "x",
            ],
            "name: value",
        ),
        (&["judge", "x"], "unrecognized subcommand"),
    ] {
        let output = run(args);
        assert_eq!(code(&output), 2, "{args:?} {output:?}");
        assert!(stderr(&output).contains(reason), "{args:?} {output:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_with_2_and_the_rest_is_checked() {
    let folder = Folder::new();
    let good = folder.write("good.yaml", GOOD);
    let missing = folder.path().join("missing.yaml");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for path in [&missing, &empty] {
        let output = program().arg("check").args([&good, path]).output().unwrap();
        assert_eq!(code(&output), 2, "{output:?}");
        let text = stdout(&output);
        assert!(text.contains("error[MSH0001]: cannot be read"), "{text}");
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
        assert!(text.contains("1 object of Istio checked"), "{text}");
    }
}

#[test]
fn several_paths_are_checked_as_one_set_and_a_file_counts_once() {
    let folder = Folder::new();
    let (service, rule) = DUBIOUS.split_once("---\n").unwrap();
    let rule = format!("{rule}  subsets:\n  - {{name: v1, labels: {{version: v1}}}}\n");
    let service = folder.write("a/service.yaml", service);
    let rule = folder.write("b/rule.yaml", &rule);
    let again = folder.path().join("a/../a");
    let output = program()
        .arg("check")
        .args([&service, &rule, &again])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    // Neither file alone has the subset, and the rule of `DUBIOUS` does not define it.
    assert!(!stdout(&output).contains("IST0101"), "{output:?}");
    assert!(
        stdout(&output).contains("2 objects of Istio checked"),
        "{output:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_not_utf_8_is_read_and_printed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    let path = folder.path().join(OsStr::from_bytes(b"caf\xe9: 1,2%.yaml"));
    fs::write(&path, BAD).unwrap();
    for (format, expected) in [
        ("text", "caf\u{fffd}: 1,2%.yaml:7:5"),
        ("json", "caf\u{fffd}: 1,2%.yaml\""),
        ("sarif", "/caf%E9%3A%201%2C2%25.yaml\""),
        (
            "github",
            "/caf\u{fffd}%3A 1%2C2%25.yaml,line=7,col=5,title=MSH0003::",
        ),
    ] {
        let mut command = program();
        let output = command
            .args(["check", "--format", format])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(code(&output), 1, "{output:?}");
        let text = stdout(&output);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_reader_that_stops_is_no_failure_of_the_check() {
    for (args, expected) in [
        (&["check", "-"][..], 1),
        (&["check", "--format", "sarif", "-"], 1),
        (
            &["explain", "--from", "a.b", "--url", "http://users/", "-"],
            1,
        ),
    ] {
        let mut command = program();
        let piped = command.args(args).stdin(Stdio::piped());
        let mut child = piped
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed before there is anything to read.
        drop(child.stdout.take());
        let many = format!("{BAD}---\n").replace("users}", "NAME}");
        let many: String = (0..90)
            .map(|n| many.replace("NAME", &format!("users-{n}")))
            .collect();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(many.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), expected, "{output:?}");
        assert!(!stderr(&output).contains("panicked"), "{output:?}");
    }
}

#[test]
fn an_explanation_names_file_and_line_as_text_and_as_json() {
    let folder = Folder::new();
    let file = folder.write("shop.yaml", include_str!("explain/shop.yaml"));
    let file = file.to_str().unwrap();
    let args = [
        "explain",
        "--from",
        "shop.waste",
        "--url",
        "http://users/api/1",
    ];
    let args = [&args[..], &["-H", "version: v2", file]].concat();
    let output = run(&args);
    assert_eq!(code(&output), 0, "{output:?}");
    let text = stdout(&output);
    assert!(
        text.starts_with("GET http://users/api/1 from shop.waste\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("timeout: total 5s  [{file}:26]")),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "429 RL: if the rate limit of 20 is used up  [{file}:92]"
        )),
        "{text}"
    );

    let output = run(&[&args[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["virtualHost"]["name"], "VirtualService waste/users");
    assert_eq!(json["route"]["name"], "canary");
    assert_eq!(json["route"]["origin"]["file"], file);
    assert_eq!(json["route"]["clusters"][0]["weight"], 10);
    let settings = json["route"]["settings"].as_array().unwrap();
    let timeout = settings
        .iter()
        .find(|one| one["name"] == "timeout")
        .unwrap();
    assert_eq!(
        (&timeout["values"]["total"], &timeout["origin"]["line"]),
        (&"5s".into(), &26.into())
    );
    assert_eq!(json["localReplies"][0]["status"], 429);
}

#[test]
fn the_workload_its_labels_and_the_mesh_are_arguments_of_an_explanation() {
    let folder = Folder::new();
    let file = folder.write("shop.yaml", include_str!("explain/shop.yaml"));
    let file = file.to_str().unwrap();
    let limited = |args: &[&str]| {
        let output = run(&[&["explain", "--url", "http://users/x", file], args].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        stdout(&output).contains("local rate limit")
    };
    assert!(limited(&["--from", "shop.waste"]));
    assert!(!limited(&["--from", "other.waste"]));
    assert!(limited(&["--from", "other.waste", "--label", "app=shop"]));
    assert!(limited(&["--from", "shop", "--default-namespace", "waste"]));
    let output = run(&[
        "explain",
        "--from",
        "shop.waste",
        "--registry-only",
        "--url",
        "http://nowhere/",
        file,
    ]);
    assert!(
        stdout(&output).contains("rejected: 502 NR: no document names the host"),
        "{output:?}"
    );
}

#[test]
fn documents_that_a_mesh_rejects_are_not_explained() {
    let args = ["explain", "--from", "a.b", "--url", "http://users/", "-"];
    // A running mesh takes an unknown field with a warning, and an unreadable document never.
    let output = run_with(&args, b"kind: [");
    assert_eq!(code(&output), 1, "{output:?}");
    assert!(
        stderr(&output).contains("a mesh rejects these documents"),
        "{output:?}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn the_program_of_the_examples_finds_the_same() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies");
    let output = run(&["check", "--format", "json", policies.to_str().unwrap()]);
    let documents = meshless::istio::Documents::from_path(&policies);
    let expected: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(meshless::istio::Diagnostic::to_json)
        .collect();
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_default_namespace_is_that_of_checked_documents_too() {
    let args = [
        "check",
        "--format",
        "json",
        "--default-namespace",
        "waste",
        "-",
    ];
    let output = run_with(&args, DUBIOUS.as_bytes());
    let found = stdout(&output);
    assert!(found.contains("VirtualService waste/users"), "{found}");
}

#[test]
fn a_gateway_and_a_called_workload_are_explained() {
    let folder = Folder::new();
    let gateway = super::support::gateway("gw")
        + &super::support::virtual_service("users.test", "name: main", "gateways: [gw]");
    let file = folder.write("gateway.yaml", &gateway);
    let file = file.to_str().unwrap();
    let explain = |args: &[&str]| {
        let url = ["explain", "--url", "http://users.test/1", file];
        run(&[&url[..], args].concat())
    };
    let output = explain(&["--gateway", "gw", "--port", "80"]);
    assert!(stdout(&output).contains("route: 0 `main`"), "{output:?}");
    let output = explain(&["--gateway", "gw", "--port", "81"]);
    let rejected = "rejected: 404 NR: no server of the gateway has the host";
    assert!(stdout(&output).contains(rejected), "{output:?}");
    let output = explain(&["--to", "users"]);
    let begins = "GET http://users.test/1 to users.default";
    assert!(stdout(&output).starts_with(begins), "{output:?}");
    for wrong in [
        &["--gateway", "none"][..],
        &["--gateway", "gw", "--to", "users"],
        &["--from", "shop", "--port", "80"],
    ] {
        assert_eq!(code(&explain(wrong)), 2, "{wrong:?}");
    }
}
