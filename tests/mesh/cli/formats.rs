use serde_json::Value;

use super::{BAD, DUBIOUS, program, run_with, stdout};
use crate::support::Folder;

#[test]
fn text_is_rustcs_with_a_summary() {
    let text = stdout(&run_with(&["check", "-"], BAD.as_bytes()));
    assert!(
        text.starts_with("error[MSH0003]: unknown field `retires`\n --> <text>:7:5\n"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "1 object of Istio checked, 0 other documents skipped: 1 error, 0 warnings, 0 notes\n"
        ),
        "{text}"
    );
}

#[test]
fn colors_are_for_terminals_unless_they_are_asked_for() {
    let colored = |args: &[&str]| stdout(&run_with(args, BAD.as_bytes())).contains('\x1b');
    assert!(!colored(&["check", "-"]));
    assert!(!colored(&["check", "-", "--color", "never"]));
    assert!(colored(&["check", "-", "--color", "always"]));
    assert!(!colored(&[
        "check", "-", "--color", "always", "--format", "json"
    ]));
}

#[test]
fn json_is_one_object_a_line() {
    let text = stdout(&run_with(
        &["check", "-", "--format", "json"],
        BAD.as_bytes(),
    ));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["code"], &lines[0]["line"]),
        (&"MSH0003".into(), &7.into())
    );
}

#[test]
fn sarif_has_a_rule_a_place_and_a_level_for_each_finding() {
    let folder = Folder::new();
    folder.write("a b.yaml", BAD);
    folder.write("dubious.yaml", &DUBIOUS.replace("users", "others"));
    let output = program()
        .args(["check", "--format", "sarif", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&log["version"], log["runs"].as_array().unwrap().len()),
        (&"2.1.0".into(), 1)
    );
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), meshless::istio::Code::ALL.len());
    assert!(rules.iter().all(|rule| {
        !rule["shortDescription"]["text"]
            .as_str()
            .unwrap()
            .is_empty()
    }));
    let results = run["results"].as_array().unwrap();
    let seen: Vec<_> = results
        .iter()
        .map(|result| {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let place = &result["locations"][0]["physicalLocation"];
            (
                result["level"].as_str().unwrap(),
                place["artifactLocation"]["uri"].as_str().unwrap(),
                place["region"]["startLine"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("error", "a%20b.yaml", 7), ("warning", "dubious.yaml", 8)]
    );
}

#[test]
fn github_gets_one_escaped_command_a_finding() {
    let folder = Folder::new();
    folder.write("a,b.yaml", BAD);
    let output = program()
        .args(["check", "--format", "github", "a,b.yaml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = stdout(&output);
    let expected = "::error file=a%2Cb.yaml,line=7,col=5,title=MSH0003::unknown field `retires`%0A";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.trim_end()
            .ends_with("%0Ahelp: did you mean `retries`?"),
        "{text}"
    );
}
