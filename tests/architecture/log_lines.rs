//! The page "Seeing what happens" lists each line that the crate writes, with its level.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, sources};

const PAGE: &str = include_str!("../../docs/observing.md");

/// A call of a macro of `tracing`, with its arguments up to the end of the message.
static CALL: LazyLock<Regex> = LazyLock::new(|| {
    let call = r#"tracing::(warn|info|debug|error|trace)!\(([^"]*)"((?:[^"\\]|\\.|\\\n)*)""#;
    Regex::new(call).expect("it parses")
});

fn text_of(name: &str) -> &'static str {
    let file = sources().iter().find(|source| source.name() == name);
    file.map(Source::text).expect("the file exists")
}

#[test]
fn the_page_has_each_event_with_its_level() {
    let kinds = text_of("foundation/events/event_kind.rs");
    let (_, kinds) = kinds.split_once("fn name(").expect("a function");
    let kinds = kinds.split("fn ").next().expect("its body");
    let observer = text_of("foundation/events/tracing_observer.rs");
    let (_, levels) = observer.split_once("match event.kind()").expect("a match");
    let names = Regex::new(r#"Self::([A-Za-z]+)[^=|\n]*=> "([a-z_]+)""#).expect("it parses");
    let level = Regex::new(r"write_event!\(([a-z]+)").expect("it parses");
    let mut count = 0;
    for found in names.captures_iter(kinds) {
        let (variant, name) = (&found[1], &found[2]);
        let variant = Regex::new(&format!(r"EventKind::{variant}(?-u:\b)")).expect("it parses");
        let arm = variant.find(levels).expect("an arm of the observer");
        let level = &level.captures(&levels[arm.start()..]).expect("a level")[1];
        let row = format!("| `{name}` | {level} |");
        assert!(PAGE.contains(&row), "docs/observing.md has no row `{row}`");
        count += 1;
    }
    let (_, table) = PAGE.split_once("## Events").expect("the section exists");
    let table = table.split("\n## ").next().unwrap_or_default();
    assert_eq!(table.matches("\n| `").count(), count);
}

#[test]
fn the_page_has_each_other_line_with_its_level() {
    let mut missing = Vec::new();
    for source in sources() {
        if source.name().starts_with("foundation/events/") {
            continue;
        }
        let code: String = source.code().flat_map(|line| [line, "\n"]).collect();
        for found in CALL.captures_iter(&code) {
            let (level, message) = (&found[1], found[3].split('{').next().unwrap_or_default());
            let is_in = PAGE.lines().any(|row| {
                let cells: Vec<_> = row.split(" | ").collect();
                let begins = |text: &str| !text.is_empty() && message.starts_with(text);
                match cells[..] {
                    [line, at, ..] if message.is_empty() => line.starts_with("| (") && at == level,
                    [line, at, ..] => {
                        begins(line.trim_start_matches("| `").trim_end_matches('`')) && at == level
                    }
                    _ => false,
                }
            });
            if !is_in {
                missing.push(format!("{}: {level} {message:?}", source.name()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/observing.md lacks:\n{}",
        missing.join("\n")
    );
}
