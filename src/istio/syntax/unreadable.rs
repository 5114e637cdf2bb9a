//! Texts that are no YAML for a reason that their authors know by another name.

use super::tree::Span;

/// Help for a template.
pub(in crate::istio) const RENDER: &str =
    "this is a Helm template: render it first, as with `helm template`, and load what comes out";

/// Why a text cannot be read, where that is, and the mend.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::istio) struct Known {
    pub(in crate::istio) mark: Span,
    pub(in crate::istio) what: &'static str,
    pub(in crate::istio) mend: &'static str,
}

/// Finds the reason why a text is no YAML, if it is one of those that are known; the parser stopped at `mark`.
pub(in crate::istio) fn known(text: &str, span: Span) -> Option<Known> {
    template(text).or_else(|| star(text, span))
}

/// Says whether a text is to be filled in by a template engine.
pub(in crate::istio) fn is_template(text: &str) -> bool {
    text.split_once("{{")
        .is_some_and(|(_, rest)| rest.contains("}}"))
}

/// Finds the first place that is to be filled in, if a value or a line starts with it.
fn template(text: &str) -> Option<Known> {
    let starts = |line: &str| {
        let at = line.find("{{")?;
        let before = line[..at].trim_end();
        let is_value = before.is_empty() || before.ends_with([':', '-', '[', ',']);
        (is_value && is_template(line)).then_some(at)
    };
    let (line, at) = lines(text).find_map(|(line, number)| Some((number, starts(line)?)))?;
    let before = text.lines().nth(line as usize - 1)?.get(..at)?;
    Some(Known {
        mark: place(line, before, 2),
        what: "this is a Helm template, and no YAML before it is rendered",
        mend: RENDER,
    })
}

/// Finds a `*` without quotes, which begins the name of an anchor.
fn star(text: &str, span: Span) -> Option<Known> {
    let starts = |line: &str| {
        let at = line.find('*')?;
        let before = line[..at].trim_end();
        let is_value = before.ends_with([':', '-', '[', ',']);
        let rest = &line[at + 1..];
        // What else follows is a name: of an anchor, which this may well be.
        let is_host = rest.is_empty() || rest.starts_with(['.', ']', ',', ' ', '/', '-', '}']);
        (is_value && is_host).then_some(at)
    };
    // The parser stops at the star, or where what it takes for a name ends.
    let near = |number: u32| span.line == 0 || number <= span.line && span.line - number <= 1;
    let found = lines(text).filter(|(_, number)| near(*number));
    let (line, at) = found
        .filter_map(|(line, number)| Some((number, starts(line)?)))
        .last()?;
    let before = text.lines().nth(line as usize - 1)?.get(..at)?;
    Some(Known {
        mark: place(line, before, 1),
        what: "a `*` without quotes is no text: YAML takes it for the name of an anchor",
        mend: "put the `*` and what follows between quotes",
    })
}

/// Returns the lines that are no comments, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (&str, u32)> {
    text.lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim_start().starts_with('#'))
}

fn place(line: u32, before: &str, len: u32) -> Span {
    let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX);
    Span {
        line,
        column: column.saturating_add(1),
        len,
    }
}
