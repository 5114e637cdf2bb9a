use std::fmt::{self, Display, Formatter, Write};
use std::path::Path;

use super::diagnostic::{Diagnostic, Excerpt};

/// Number of characters of a long line shown before and after the position.
const AROUND: usize = 60;

impl Display for Diagnostic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        writeln!(f, "{severity}[{}]: {}", self.code, self.message)?;
        let width = self.line.to_string().len();
        let file = name(self.file.as_deref());
        if self.line == 0 {
            writeln!(f, "{:width$}--> {file}", "")?;
        } else {
            writeln!(f, "{:width$}--> {file}:{}:{}", "", self.line, self.column)?;
            self.snippet(f, width)?;
        }
        if !self.path.is_empty() {
            let object = if self.object.is_empty() { "" } else { " of " };
            let object = [object, &self.object].concat();
            writeln!(f, "{:width$} = field: {}{object}", "", self.path)?;
        }
        if let Some(also) = &self.also {
            let file = name(also.file.as_deref());
            let (line, column) = (also.line, also.column);
            writeln!(f, "{:width$} = also: {file}:{line}:{column}", "")?;
        }
        for (title, text) in [
            ("here", &self.effect),
            ("Istio", &self.in_istio),
            ("help", &self.help),
        ] {
            if text.is_empty() {
                continue;
            }
            // 5 for " = " before and ": " after the title.
            let indent = width + title.len() + 5;
            let text = text.replace('\n', &format!("\n{:indent$}", ""));
            writeln!(f, "{:width$} = {title}: {text}", "")?;
        }
        Ok(())
    }
}

impl Diagnostic {
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

    fn snippet(&self, f: &mut Formatter<'_>, width: usize) -> fmt::Result {
        let Excerpt { text, before } = &self.excerpt;
        let rest = text.chars().count().saturating_sub(*before).max(1);
        let carets = "^".repeat((self.len as usize).clamp(1, rest));
        writeln!(f, "{:width$} |", "")?;
        writeln!(f, "{} | {text}", self.line)?;
        writeln!(f, "{:width$} | {:before$}{carets}", "", "")
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
