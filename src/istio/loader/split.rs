use std::borrow::Cow;

/// A byte order mark, as some editors put it in front of a file.
const MARK: char = '\u{feff}';

/// Splits a text into documents, and passes each to `take` with the number of lines before it; those that contain
/// only comments and directives are skipped.
///
/// # Errors
///
/// Returns the line and column of the first byte that is not UTF-8.
pub(in crate::istio) fn split(
    bytes: &[u8],
    mut take: impl FnMut(&str, u32),
) -> Result<(), (u32, u32)> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = valid.matches('\n').count() + 1;
        let column = valid.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
        (number(line), number(column))
    })?;
    let (mut start, mut before, mut line) = (0, 0, 0);
    let mut push = |text: &str, before| {
        if !is_blank(text) {
            take(&without_mark(text), before);
        }
    };
    let mut at = 0;
    for one in text.split_inclusive('\n') {
        // `at > start`: a text may begin with a separator.
        if is_separator(one) && at > start {
            push(&text[start..at], before);
            (start, before) = (at, line);
        }
        at += one.len();
        line += 1;
    }
    push(&text[start..], before);
    Ok(())
}

/// Returns a text without byte order marks in front: `kubectl` takes one before each document.
fn without_mark(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    let mut is_front = true;
    for line in text.split_inclusive('\n') {
        let own = if is_front {
            line.strip_prefix(MARK).unwrap_or(line)
        } else {
            line
        };
        is_front &= is_separator(line);
        clean.push_str(own);
    }
    clean.into()
}

fn is_separator(line: &str) -> bool {
    let line = line.strip_prefix(MARK).unwrap_or(line);
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_blank(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.strip_prefix(MARK).unwrap_or(line);
        let line = line.strip_prefix("---").unwrap_or(line).trim_start();
        // `#` starts a comment and `%` a directive.
        line.is_empty() || line.starts_with(['#', '%'])
    })
}
