//! The words of the documentation, and of the texts that users see.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::Source;

/// Words that leave the actor unnamed, or that are no word of the field.
static BANNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)\b(nobody|somebody|whoever|anew|told)\b").expect("it parses")
});

/// A doc that begins with a question instead of a noun or a verb.
static RIDDLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u)^(What|Which|Who|Whether|How|Where)\b").expect("it parses"));

/// Comments, docs and string literals of a file that hold a banned word.
pub(crate) fn banned(source: &Source) -> Vec<String> {
    let lines = source.text().lines().enumerate();
    let seen = lines.filter(|(_, line)| visible(line).is_some_and(|text| BANNED.is_match(text)));
    seen.map(|(n, line)| format!("{}:{}: {}", source.name(), n + 1, line.trim()))
        .collect()
}

/// Docs of a file that begin with a question word.
pub(crate) fn riddles(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_first = true;
    for (n, line) in source.text().lines().enumerate() {
        match doc(line) {
            Some(text) => {
                if is_first && RIDDLE.is_match(text) {
                    found.push(format!("{}:{}: {text}", source.name(), n + 1));
                }
                is_first = false;
            }
            None => is_first = true,
        }
    }
    found
}

/// The text of a doc line.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))?;
    Some(text.trim())
}

/// The part of a line that a reader or a user sees: a comment, or from the first quote on.
fn visible(line: &str) -> Option<&str> {
    if line.trim_start().starts_with("//") {
        return Some(line);
    }
    line.find("//")
        .or_else(|| line.find('"'))
        .map(|start| &line[start..])
}
