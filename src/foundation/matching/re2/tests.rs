use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Reads the bytes that a text of the recording stands for, one for each character.
fn bytes(text: &Value) -> Vec<u8> {
    let chars = text.as_str().unwrap().chars();
    chars.map(|c| u8::try_from(c).unwrap()).collect()
}

/// Returns the places of all groups in the first match, as the recording writes them.
fn places(regex: &Re2, text: &[u8]) -> Value {
    let Some(captures) = regex.captures(text) else {
        return Value::Null;
    };
    let groups = (0..=regex.groups()).map(|i| captures.get(i));
    let place = |group: regex::bytes::Match<'_>| vec![group.start(), group.end()];
    groups.map(|group| Value::from(group.map(place))).collect()
}

#[test]
fn every_recorded_answer_of_re2_is_given_here_too() {
    // `tests/re2/compare` sets it, for thousands of rows that are not kept.
    let path = std::env::var_os("RE2_ANSWERS");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/re2.json");
    let path = path.map_or(kept, Into::into);
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(rows.len() >= 300, "{}", rows.len());
    let mut different = Vec::new();
    for row in &rows {
        let pattern = row["pattern"].as_str().unwrap();
        let (part, whole) = match (Re2::part(pattern), Re2::whole(pattern)) {
            (Ok(part), Ok(whole)) => (part, whole),
            (part, whole) => {
                assert_eq!(part.is_err(), whole.is_err(), "{pattern}");
                let reason = part.unwrap_err().to_string();
                let expected = row["error"].as_str().map(|e| e.split(':').next().unwrap());
                // What RE2 says of an escape that the end of the pattern cuts off; no Latin-1 is invalid.
                let cut = expected == Some("invalid UTF-8");
                if !cut && !expected.is_some_and(|expected| reason.contains(expected)) {
                    different.push(format!("{row}: {reason}"));
                }
                continue;
            }
        };
        let Some(texts) = row["texts"].as_array() else {
            different.push(format!("{row}: taken"));
            continue;
        };
        for text in texts {
            let bytes = bytes(&text[0]);
            let matches = Value::Bool(whole.is_match(&bytes));
            let places = places(&part, &bytes);
            if text[1] != matches || text[2] != places {
                different.push(format!("{pattern}: {text}, here {matches} {places}"));
            }
        }
    }
    let shown = different.iter().take(40);
    let shown = shown.map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(
        different.is_empty(),
        "{} of {}:\n{shown}",
        different.len(),
        rows.len()
    );
}

#[test]
fn letters_of_two_bytes_are_two() {
    for (pattern, text, expected) in [
        ("caf.", "café", false),
        ("caf..", "café", true),
        ("café", "café", true),
        ("(?i)café", "CAFé", true),
        ("(?i)café", "CAFÉ", false),
        (r"\w+", "café", false),
        (r"\d", "٣", false),
        ("[é]", "é", false),
        ("[é]{2}", "é", true),
    ] {
        let regex = Re2::whole(pattern).unwrap();
        assert_eq!(
            regex.is_match(text.as_bytes()),
            expected,
            "{pattern} {text}"
        );
    }
}

#[test]
fn the_deepest_pattern_that_is_taken_fits_on_the_stack_of_a_thread() {
    for (opening, closing) in [("(", ")"), ("(?:b|c", "d|e)"), ("(a|", "b)?")] {
        for depth in [50, 100, 101, 10_000] {
            let pattern = format!("{}x{}", opening.repeat(depth), closing.repeat(depth));
            let taken = Re2::whole(&pattern).is_ok();
            let levels = if closing.ends_with('?') {
                2 * depth
            } else {
                depth
            };
            assert_eq!(taken, levels <= 100, "{opening} {depth}");
        }
    }
    let repeated = format!("a*{}", "(?i)*".repeat(100_000));
    assert!(Re2::whole(&repeated).is_err());
}

proptest! {
    #[test]
    fn no_pattern_panics_and_every_translation_compiles(
        pattern in r"([()|*+?{}\[\]^$.\\,:<>=!PiQEpsUmbdw&~0-9a-e é-]|\(\?|\\Q|\[\[:|\{1,3\}|\\x\{){0,24}",
        text in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let translated = Parser::new(&pattern).translate();
        match Re2::part(&pattern) {
            Ok(regex) => {
                regex.is_match(&text);
            }
            Err(error) => prop_assert!(translated.is_err(), "{pattern}: {error}"),
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_is_refused(pattern in ".*") {
        let _ = Re2::whole(&pattern);
    }
}
