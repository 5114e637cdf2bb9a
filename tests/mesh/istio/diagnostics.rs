use meshless::istio::{Code, Diagnostic, Documents, Severity};

const MISSPELT: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews, weight: 10}
    retries: {atempts: 3}
    timeout: soon
";

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    let documents = Documents::from_yaml(MISSPELT);
    assert_eq!(
        super::findings(&documents),
        ["MSH0003 8:36", "MSH0003 9:15", "MSH0004 10:14"]
    );
    let mends: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(Diagnostic::help)
        .collect();
    assert_eq!(
        mends,
        [
            "move `weight` out of `destination`, next to it",
            "did you mean `attempts`?",
            "write a duration such as 10s, 0.5s or 1m",
        ]
    );
    assert!(!documents.resources()[0].is_valid());
}

#[test]
fn a_finding_prints_its_line_and_points_into_it() {
    let documents = Documents::from_yaml(MISSPELT);
    assert_eq!(
        documents.diagnostics()[1].to_string(),
        "error[MSH0003]: unknown field `atempts`
 --> <text>:9:15
  |
9 |     retries: {atempts: 3}
  |               ^^^^^^^
  |
  = field: spec.http[0].retries.atempts of VirtualService default/reviews
  = here: the document is rejected; none of its settings apply
  = Istio: Kubernetes and `istioctl validate` reject unknown fields
  = help: did you mean `attempts`?
"
    );
}

#[test]
fn a_long_line_is_cut_around_its_finding_and_the_column_is_that_of_the_file() {
    let long = format!(
        "{{\"kind\": \"VirtualService\", \"apiVersion\": \"networking.istio.io/v1\", \"metadata\": {{\"name\": \"a\"}}, \"spec\": {{\"hosts\": [\"{}ü\"], \"gatways\": [\"x\"]}}}}",
        "a.".repeat(100)
    );
    let documents = Documents::from_yaml(&long);
    let found = documents
        .diagnostics()
        .iter()
        .find(|one| one.code() == Code::UnknownField);
    let found = found.expect("`gatways` is unknown");
    let printed = found.to_string();
    let place = format!("--> <text>:1:{}\n", found.column());
    assert!(
        found.column() > 200 && printed.contains(&place),
        "{printed}"
    );
    let lines: Vec<_> = printed.lines().collect();
    let (source, marks) = (lines[3], lines[4]);
    let column = marks.find('^').expect("the finding is marked");
    let marked: String = source.chars().skip(column).take(9).collect();
    assert_eq!(marked, "\"gatways\"", "{printed}");
    assert!(source.chars().count() <= 140, "{printed}");
}

#[test]
fn colors_change_no_letter_of_a_finding() {
    let documents = Documents::from_yaml(MISSPELT);
    let found = &documents.diagnostics()[1];
    let mut plain = String::new();
    let ansi = found.to_ansi();
    assert!(ansi.contains("\x1b["), "{ansi:?}");
    for (n, part) in ansi.split('\x1b').enumerate() {
        plain.push_str(if n == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        });
    }
    assert_eq!(plain, found.to_string());
}

#[test]
fn a_finding_is_one_line_of_json() {
    let text = "kind: \"Odd \\\" kind\"\napiVersion: networking.istio.io/v1\n";
    let documents = Documents::from_yaml(text);
    let json = documents.diagnostics()[0].to_json();
    assert!(!json.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["severity"], "error");
    assert_eq!(value["code"], "MSH0019");
    assert_eq!(value["message"], "Istio has no kind `Odd \" kind`");
    assert_eq!((&value["line"], &value["column"]), (&1.into(), &7.into()));
    assert!(value["file"].is_null() && value["also"].is_null());
}

#[test]
fn a_document_that_is_no_yaml_does_not_hide_the_others() {
    let text = format!("a: [b\n---\n{MISSPELT}---\n\"unclosed\n");
    let documents = Documents::from_yaml(&text);
    let codes: Vec<_> = documents
        .diagnostics()
        .iter()
        .map(Diagnostic::code)
        .collect();
    assert_eq!(codes.first(), Some(&Code::Unreadable));
    assert_eq!(codes.last(), Some(&Code::Unreadable));
    assert_eq!(codes.len(), 5);
    assert_eq!(documents.diagnostics()[1].line(), 10);
}

#[test]
fn one_object_twice_names_both_places() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
                metadata: {name: a, namespace: ns}\nspec: {host: a}\n";
    let documents = Documents::from_yaml(&format!("{rule}---\n{rule}"));
    let [found] = documents.diagnostics() else {
        panic!("one finding")
    };
    assert_eq!((found.code(), found.line()), (Code::DuplicateObject, 8));
    assert_eq!(found.also(), Some((None, 3, 18)));
}

#[test]
fn a_field_in_both_spellings_is_written_twice() {
    let text = MISSPELT.replace(
        "atempts: 3",
        "attempts: 1, perTryTimeout: 1s, per_try_timeout: 2s",
    );
    let found = Documents::from_yaml(&text);
    let found: Vec<_> = found
        .diagnostics()
        .iter()
        .filter(|f| f.line() == 9)
        .collect();
    assert_eq!(found[0].code(), Code::DuplicateField);
    assert!(found[0].also().is_some());
}

#[test]
fn snake_case_is_read_with_a_warning() {
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n\
                spec: {host: a, export_to: ['.']}\n";
    assert_eq!(super::codes(text), ["MSH0010"]);
}

#[test]
fn what_kubernetes_reads_as_a_boolean_is_no_text() {
    let text = MISSPELT
        .replace(", weight: 10", "")
        .replace("atempts", "attempts")
        .replace("timeout: soon", "match: [{headers: {x-a: {exact: yes}}}]");
    let documents = Documents::from_yaml(&text);
    let [found] = documents.diagnostics() else {
        panic!("one finding")
    };
    assert_eq!(found.help(), "put it in quotes");
}

#[test]
fn codes_are_unique_and_keep_istios_form() {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.iter().all(|code| code.len() == 7));
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Code::ALL.len());
    assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
}
