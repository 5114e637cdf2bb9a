//! Texts of diagnostics: the only place that knows `annotate-snippets`, and JSON.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};
use std::path::Path;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Excerpt, Severity};

/// Number of characters of a long line kept before and after the position; the renderer shows about 140 in all.
const AROUND: usize = 100;
/// Column from which a line is not shown: the renderer would be given as many blanks.
const MAX_INDENT: usize = 100_000;

impl Display for Diagnostic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(&Renderer::plain()))
    }
}

impl Diagnostic {
    /// Returns the text of `Display` with the ANSI colors of a terminal.
    #[must_use]
    pub fn to_ansi(&self) -> String {
        self.rendered(&Renderer::styled())
    }

    /// Returns the finding as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::from("{");
        let file = self.file.as_deref().map(Path::to_string_lossy);
        pair(&mut json, "severity", self.severity.as_str());
        pair(&mut json, "code", self.code.as_str());
        match file {
            Some(file) => pair(&mut json, "file", &file),
            None => json.push_str(",\"file\":null"),
        }
        let _ = write!(json, ",\"line\":{},\"column\":{}", self.line, self.column);
        pair(&mut json, "object", &self.object);
        pair(&mut json, "field", &self.path);
        pair(&mut json, "message", &self.message);
        pair(&mut json, "effect", &self.effect);
        pair(&mut json, "istio", &self.in_istio);
        pair(&mut json, "help", &self.help);
        match &self.also {
            None => json.push_str(",\"also\":null"),
            Some(also) => {
                json.push_str(",\"also\":{");
                pair(&mut json, "file", &name(also.file.as_deref()));
                let _ = write!(json, ",\"line\":{},\"column\":{}}}", also.line, also.column);
            }
        }
        json.push('}');
        json
    }

    fn rendered(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(&*self.message).id(self.code.as_str());
        let mut group = Group::with_title(title);
        group = match self.snippet() {
            Some(snippet) => group.element(snippet),
            None => group.element(self.origin()),
        };
        let object = match &*self.object {
            "" => String::new(),
            object => format!(" of {object}"),
        };
        let field = match &*self.path {
            "" => String::new(),
            path => format!("{path}{object}"),
        };
        let also = self.also.as_ref();
        let also = also.map_or_else(String::new, |also| {
            let file = name(also.file.as_deref());
            format!("{file}:{}:{}", also.line, also.column)
        });
        let lines = [
            (Level::NOTE.with_name("field"), &*field),
            (Level::NOTE.with_name("also"), &*also),
            (Level::NOTE.with_name("here"), &*self.effect),
            (Level::NOTE.with_name("Istio"), &*self.in_istio),
            (Level::HELP, &*self.help),
        ];
        let lines = lines.into_iter().filter(|(_, text)| !text.is_empty());
        let group = group.elements(lines.map(|(level, text)| level.message(text)));
        let mut text = renderer.render(&[group]);
        text.push('\n');
        text
    }

    /// Returns the excerpt with its mark; `None` for a finding about a whole file.
    fn snippet(&self) -> Option<Snippet<'_, Annotation<'_>>> {
        let Excerpt {
            before,
            start,
            text,
        } = &self.excerpt;
        if self.line == 0 || *start > MAX_INDENT {
            return None;
        }
        // The renderer counts the column from the start of the line, and cuts off what does not fit.
        let source = match start {
            0 => Cow::Borrowed(&**text),
            _ => Cow::Owned(format!("{:start$}{text}", "")),
        };
        // Bytes here, characters in the excerpt. A position behind the text marks its end.
        let place = |characters: usize| {
            let mut places = source.char_indices().map(|(place, _)| place);
            places
                .nth(start.saturating_add(characters))
                .unwrap_or(source.len())
        };
        let marked = place(*before)..place(before.saturating_add(self.len as usize));
        let snippet = Snippet::source(source)
            .line_start(self.line as usize)
            .path(name(self.file.as_deref()))
            .annotation(AnnotationKind::Primary.span(marked));
        Some(snippet)
    }

    fn origin(&self) -> Origin<'static> {
        let origin = Origin::path(name(self.file.as_deref()));
        if self.line == 0 {
            return origin;
        }
        let (line, column) = (self.line as usize, self.column as usize);
        origin.line(line).char_column(column)
    }
}

impl Excerpt {
    /// Returns the excerpt around a column of a line of `text`; both count from 1.
    pub(in crate::istio) fn of(text: &str, line: u32, column: u32) -> Self {
        let line = (line as usize).checked_sub(1);
        let line = line.and_then(|line| text.lines().nth(line));
        let column = (column as usize).saturating_sub(1);
        let start = column.saturating_sub(AROUND);
        let shown: String = line
            .unwrap_or_default()
            .chars()
            .skip(start)
            .take(2 * AROUND)
            // Control characters of the input must not reach the terminal.
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Self {
            start,
            text: shown.trim_end().into(),
            before: column - start,
        }
    }
}

fn name(file: Option<&Path>) -> String {
    file.map_or_else(|| "<text>".into(), |file| file.display().to_string())
}

/// Appends `"name":"value"`, with a comma before all but the first.
fn pair(json: &mut String, name: &str, value: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    let _ = write!(json, "\"{name}\":\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            // RFC 8259 7: control characters have to be escaped.
            c if c.is_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}
