//! YAML parsing with `serde_saphyr`; no other module uses that crate.

use granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Span as ParserSpan, Tag,
};

use super::compose::Composer;
use super::resolve;
use super::tabs::Tabs;
use super::tree::{Span, Tree, Value};

/// Maximum nesting of lists and maps. Istio's own types nest 20 deep.
pub(in crate::istio) const MAX_DEPTH: usize = 64;
/// Maximum number of documents in one text without a `---` line between them.
const MAX_DOCUMENTS: usize = 64;

/// Reason and position of a parse error.
#[derive(Debug)]
pub(in crate::istio) struct Unreadable {
    pub(in crate::istio) span: Span,
    pub(in crate::istio) reason: String,
    pub(in crate::istio) too_large: bool,
}

impl Unreadable {
    pub(in crate::istio) fn new(span: Span, reason: impl Into<String>) -> Self {
        Self {
            span,
            reason: reason.into(),
            too_large: false,
        }
    }

    pub(in crate::istio) fn too_large(span: Span, reason: impl Into<String>) -> Self {
        Self {
            too_large: true,
            ..Self::new(span, reason)
        }
    }
}

/// Reads the documents of `text`, which has no `---` line but its first; `budget` is reduced by what they take.
pub(in crate::istio) fn parse(text: &str, budget: &mut usize) -> Result<Vec<Tree>, Unreadable> {
    let mut documents = Vec::new();
    let mut composer = Composer::new(budget);
    let mut tabs = Tabs::of(text);
    let text = tabs.replaced(text);
    for next in Parser::new_from_str_with_options(&text, options()) {
        let (event, span) = match next {
            Ok(next) => next,
            // A tab that should not be there may be why.
            Err(error) => {
                let tab = tabs.up_to(error.marker());
                return Err(tab.unwrap_or_else(|| unreadable(&error)));
            }
        };
        let place = text_span(&span);
        tabs.event(&event, &span);
        match event {
            Event::Alias(anchor) => composer.alias(anchor, place)?,
            Event::DocumentEnd => {
                documents.extend(composer.document());
                if documents.len() > MAX_DOCUMENTS {
                    let reason = format!("there are more than {MAX_DOCUMENTS} documents");
                    return Err(Unreadable::too_large(place, reason));
                }
            }
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                let reason = "Kubernetes reads YAML 1.1 only: remove the `%YAML` line";
                return Err(Unreadable::new(place, reason));
            }
            Event::MappingEnd | Event::SequenceEnd => composer.close()?,
            Event::MappingStart(_, anchor, _) => composer.map(anchor, place)?,
            Event::SequenceStart(_, anchor, _) => composer.list(anchor, place)?,
            Event::Scalar(text, style, anchor, tag) => {
                let is_merge = style == ScalarStyle::Plain && text == "<<";
                let value = scalar(&text, style, tag.as_deref(), &span)?;
                composer.scalar(value, anchor, place, is_merge)?;
            }
            _ => {}
        }
    }
    tabs.check()?;
    Ok(documents)
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: &ParserSpan,
) -> Result<Value, Unreadable> {
    let Some(tag) = tag else {
        return Ok(match style {
            // The parser hands out `~` for a value that is not there.
            ScalarStyle::Plain if span.start == span.end => Value::Null,
            ScalarStyle::Plain => resolve::plain(text),
            _ => Value::Text(text.into()),
        });
    };
    let name = tag.suffix_in_namespace("tag:yaml.org,2002:");
    let name = name.as_deref().unwrap_or_default();
    resolve::tagged(name, text).ok_or_else(|| {
        let shown = crate::istio::syntax::shorten::shorten(text);
        Unreadable::new(
            text_span(span),
            format!("`{shown}` is no value of the tag !!{name}"),
        )
    })
}

fn unreadable(error: &ScanError) -> Unreadable {
    let place = mark_at(error.marker(), 1);
    let is_limit = matches!(
        error.kind(),
        ErrorKind::RecursionLimitExceeded
            | ErrorKind::DirectiveByteLimitExceeded { .. }
            | ErrorKind::TooManyReservedDirectiveParams { .. }
    );
    let reason: String = error.info().chars().take(300).collect();
    if is_limit {
        Unreadable::too_large(place, reason)
    } else {
        Unreadable::new(place, reason)
    }
}

/// Returns where an event stands; one of several lines is marked up to the end of its first.
fn text_span(span: &ParserSpan) -> Span {
    mark_at(
        &span.start,
        span.end.index().saturating_sub(span.start.index()),
    )
}

fn mark_at(at: &Marker, len: usize) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(at.line()),
        column: number(at.col() + 1),
        len: number(len).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::syntax::tree::NodeId;

    fn show(tree: &Tree, at: NodeId) -> String {
        let items = |items: &[NodeId], show: &dyn Fn(NodeId) -> String| {
            items
                .iter()
                .map(|at| show(*at))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match tree.value(at) {
            Value::Bool(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::List(list) => format!("[{}]", items(list, &|at| show(tree, at))),
            Value::Map(map) => {
                let entry = |at| format!("{}: {}", tree.key(at).unwrap(), show(tree, at));
                format!("{{{}}}", items(map, &entry))
            }
            Value::Null => "null".into(),
            Value::Text(text) => format!("{text:?}"),
        }
    }

    fn read(text: &str) -> Result<String, (u32, u32)> {
        let trees = parse(text, &mut (1 << 30));
        let trees = trees.map_err(|error| (error.span.line, error.span.column))?;
        let shown: Vec<_> = trees.iter().map(|tree| show(tree, Tree::ROOT)).collect();
        Ok(shown.join(" "))
    }

    /// Each as `kubectl annotate --local -o json` of 1.37 reads it.
    #[test]
    fn a_merge_key_overrides_what_stands_before_it() {
        let base = "a: &x {b: 1, c: 2}\nd: ";
        for (merged, expected) in [
            ("{b: 3, <<: *x}", "{b: 1, c: 2}"),
            ("{<<: *x, b: 3}", "{b: 3, c: 2}"),
            ("{b: 3, <<: [{b: 5}, *x], c: 9}", "{b: 5, c: 9}"),
            ("{<<: *x, <<: {c: 4}}", "{b: 1, c: 4}"),
            ("{\"<<\": 3}", "{<<: 3}"),
        ] {
            let read = read(&format!("{base}{merged}")).unwrap();
            assert_eq!(read, format!("{{a: {{b: 1, c: 2}}, d: {expected}}}"));
        }
        for wrong in ["{<<: 3}", "{<<: null}", "{<<: [*x, 3]}"] {
            assert!(read(&format!("{base}{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_written_twice_stays_twice() {
        assert_eq!(read("a: 1\na: 2").unwrap(), "{a: 1, a: 2}");
        let text = "a: &x {b: 1}\nc: {b: 2, <<: *x, b: 3}";
        assert_eq!(read(text).unwrap(), "{a: {b: 1}, c: {b: 3}}");
    }

    #[test]
    fn keys_are_texts_as_kubectl_makes_them() {
        let text = "{on: 1, 0100: 2, 1.10: 3, .inf: 4, \"y\": 5}";
        assert_eq!(
            read(text).unwrap(),
            "{true: 1, 64: 2, 1.1: 3, .inf: 4, y: 5}"
        );
        assert_eq!(read("~: 1"), Err((1, 1)));
        assert_eq!(read("a:\n  [b]: 1"), Err((2, 3)));
        assert_eq!(read("a:\n  {{ b }}"), Err((2, 4)));
    }

    #[test]
    fn tags_decide_what_a_scalar_is() {
        let text = "[!!str 12, !!int '12', !!float 3, !foo 12, ! 12, !!binary aGk=, '010', 010]";
        let expected = r#"["12", 12, 3, "12", "12", "hi", "010", 8]"#;
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("a: !!int soon"), Err((1, 10)));
    }

    #[test]
    fn a_tab_is_refused_where_kubernetes_takes_blanks_only() {
        for (text, place) in [
            ("\ta: 1", (1, 1)),
            ("a: 1\n\t\nb: 2", (2, 1)),
            ("a: 1\n\t# c\nb: 2", (2, 1)),
            ("a:\n  b: c\n  \td", (2, 6)),
            ("a:\n-\tb", (2, 2)),
            ("a:\n- \tb: 1", (2, 3)),
            ("a: [\n\t1]\n\tb: 2", (3, 1)),
        ] {
            assert_eq!(read(text), Err(place), "{text:?}");
        }
        for (text, expected) in [
            ("{\n\t\"a\": [\n\t\t1\n\t]\n}", "{a: [1]}"),
            ("a: {b: 1,\n\tc: 2}", "{a: {b: 1, c: 2}}"),
            ("a: \"b\n\tc\"", "{a: \"b c\"}"),
            ("a:\n  b\n   \tc", "{a: \"b c\"}"),
            ("a: |\n  b\n  \tc\n", "{a: \"b\\n\\tc\\n\"}"),
            ("a:\tb\t# c\n", "{a: \"b\"}"),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_anchor_that_holds_itself_is_refused() {
        assert_eq!(read("a: &x [*x]"), Err((1, 8)));
        assert_eq!(read("a: &x [1]\nb: &x *y"), Err((2, 7)));
        assert_eq!(read("&x a: 1\nb: *x").unwrap(), "{a: 1, b: \"a\"}");
    }

    #[test]
    fn an_empty_document_is_none() {
        assert_eq!(read("# nothing\n").unwrap(), "");
        assert_eq!(read("a: 1\n...\n---\n...\nb: 2").unwrap(), "{a: 1} {b: 2}");
    }
}
