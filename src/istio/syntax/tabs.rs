use std::borrow::Cow;

use granit_parser::{Event, Marker, ScalarStyle, Span as ParserSpan, StructureStyle};

use super::tree::Span;
use super::yaml::Unreadable;

/// Tabs where Kubernetes takes none: in the indentation, and before the first word after `- `.
///
/// The parser reads YAML 1.2, which takes tabs at more places than the YAML 1.1 of go-yaml 2.
#[derive(Debug)]
pub(in crate::istio) struct Tabs {
    /// Positions of tabs in indentations, in the order of lines.
    suspects: Vec<Span>,
    /// The first of them that is not looked at yet.
    next: usize,
    /// The column of each collection that is open, from 0; one in brackets repeats that of its block.
    blocks: Vec<usize>,
    /// Number of suspects in brackets.
    flows: usize,
    found: Option<Span>,
}

impl Tabs {
    pub(in crate::istio) fn of(text: &str) -> Self {
        let mut suspects = Vec::new();
        if text.contains('\t') {
            for (index, line) in text.lines().enumerate() {
                suspects.extend(suspect(line, index));
            }
        }
        Self {
            suspects,
            next: 0,
            blocks: Vec::new(),
            flows: 0,
            found: None,
        }
    }

    /// Returns the text with blanks for the tabs that lines begin with, which the parser takes nowhere: in brackets
    /// and between quotes they mean the same, and anywhere else this finds them.
    pub(in crate::istio) fn replaced<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.suspects.iter().any(|tab| tab.column == 1) {
            return Cow::Borrowed(text);
        }
        let lines = text.split_inclusive('\n').map(|line| {
            let tabs = line.len() - line.trim_start_matches('\t').len();
            [" ".repeat(tabs), line[tabs..].to_owned()].concat()
        });
        Cow::Owned(lines.collect())
    }

    /// Looks at the tabs before an event and within it.
    pub(in crate::istio) fn event(&mut self, event: &Event<'_>, span: &ParserSpan) {
        if self.next >= self.suspects.len() {
            return;
        }
        let begin = (span.start.line(), span.start.col());
        match event {
            Event::Alias(_) => self.before(begin),
            Event::Scalar(_, style, ..) => {
                self.before(begin);
                let is_quoted =
                    matches!(style, ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted);
                // The other styles are indented with blanks up to their block.
                let block = self.blocks.last().filter(|_| !is_quoted);
                self.within(span, block.map_or(0, |column| column + 1));
            }
            Event::MappingStart(style, ..) | Event::SequenceStart(style, ..) => {
                self.before(begin);
                let is_flow = *style == StructureStyle::Flow;
                self.flows += usize::from(is_flow);
                let around = self.blocks.last().copied().filter(|_| is_flow);
                self.blocks.push(around.unwrap_or(begin.1));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if self.flows > 0 {
                    self.before((span.end.line(), span.end.col()));
                    self.flows -= 1;
                }
                self.blocks.pop();
            }
            Event::StreamEnd => self.before((usize::MAX, 0)),
            _ => {}
        }
    }

    /// Takes the tabs up to a place that no scalar covers: only a flow collection may have them.
    fn before(&mut self, place: (usize, usize)) {
        let is_flow = self.flows > 0;
        self.take(|tab| tab < place, |_| is_flow);
    }

    /// Takes the tabs on the lines that a scalar goes on over.
    fn within(&mut self, span: &ParserSpan, least: usize) {
        let end = (span.end.line(), span.end.col());
        self.take(|tab| tab < end, |tab| tab.1 >= least);
    }

    fn take(
        &mut self,
        is_up_to: impl Fn((usize, usize)) -> bool,
        is_good: impl Fn((usize, usize)) -> bool,
    ) {
        while let Some(span) = self.suspects.get(self.next) {
            let tab = (span.line as usize, span.column as usize - 1);
            if !is_up_to(tab) {
                break;
            }
            if !is_good(tab) && self.found.is_none() {
                self.found = Some(*span);
            }
            self.next += 1;
        }
    }

    pub(in crate::istio) fn check(self) -> Result<(), Unreadable> {
        self.found.map_or(Ok(()), |span| Err(misplaced(span)))
    }

    /// Returns the tab that is wrong on the way to where the parser stopped.
    pub(in crate::istio) fn up_to(mut self, stop: &Marker) -> Option<Unreadable> {
        self.before((stop.line(), usize::MAX));
        self.found.map(misplaced)
    }
}

fn misplaced(span: Span) -> Unreadable {
    Unreadable::new(span, "a tab where Kubernetes takes blanks only")
}

/// Finds the tab in the indentation of a line, or after the `-` of an item.
fn suspect(line: &str, index: usize) -> Option<Span> {
    let before = line.trim_start_matches([' ', '-']);
    let column = line.len() - before.len();
    // `-` is an item only with a blank after it.
    let items = line[..column].trim_start_matches(' ').split(' ');
    let are_items = items.into_iter().all(|item| matches!(item, "" | "-"));
    if !before.starts_with('\t') || !are_items {
        return None;
    }
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Span {
        line: number(index + 1),
        column: number(column + 1),
        len: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(line: &str) -> Option<u32> {
        suspect(line, 0).map(|span| span.column)
    }

    #[test]
    fn a_tab_counts_in_the_indentation_and_after_a_dash() {
        assert_eq!(tab("\ta"), Some(1));
        assert_eq!(tab("  \ta"), Some(3));
        assert_eq!(tab("-\ta"), Some(2));
        assert_eq!(tab("  - - \ta"), Some(7));
        assert_eq!(tab("a:\tb"), None);
        assert_eq!(tab("---\ta"), None);
        assert_eq!(tab("- a\tb"), None);
    }
}
