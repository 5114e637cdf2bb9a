//! What is shown: the course of each case, and the table at the end.

use std::fmt::Display;
use std::time::Instant;

use crate::args::Part;
use crate::scale;
use crate::show::show;

/// Report of a run: prints events, and keeps expected and observed values.
#[derive(Debug)]
pub(crate) struct Report {
    case: Option<Part>,
    checks: Vec<Check>,
    started: Instant,
}

#[derive(Debug)]
struct Check {
    case: Part,
    expected: String,
    holds: bool,
    observed: String,
    what: String,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            case: None,
            checks: Vec::new(),
            started: scale::now(),
        }
    }

    /// Begins a case; the clock on the left starts again at 0.
    pub(crate) fn begin(&mut self, case: Part, number: usize, of: usize) {
        self.case = Some(case);
        self.started = scale::now();
        show!("\n[{number}/{of}] {}: {}", case.name(), case.title());
    }

    /// Says what happens now.
    pub(crate) fn say(&self, text: impl Display) {
        let seconds = (scale::now() - self.started).as_secs_f64();
        show!("  {seconds:5.1} s  {text}");
    }

    /// Shows a share of a whole as a bar.
    pub(crate) fn bar(&self, label: impl Display, part: usize, of: usize) {
        let percent = percent(part, of);
        let filled = "#".repeat(percent / 5);
        let label = label.to_string();
        self.say(format_args!(
            "  {label:<22} [{filled:.<20}] {percent:>3} %  ({part} of {of})"
        ));
    }

    /// Checks that exactly `expected` was observed.
    pub(crate) fn equal<T: Display + PartialEq>(
        &mut self,
        what: impl Into<String>,
        expected: T,
        observed: T,
    ) {
        let holds = expected == observed;
        self.check(what, expected, observed, holds);
    }

    /// Checks whatever `holds` says, and shows it in words.
    pub(crate) fn check(
        &mut self,
        what: impl Into<String>,
        expected: impl Display,
        observed: impl Display,
        holds: bool,
    ) {
        let check = Check {
            case: self.case.expect("a case has begun"),
            expected: expected.to_string(),
            holds,
            observed: observed.to_string(),
            what: what.into(),
        };
        self.checks.push(check);
    }

    /// Notes that the case could not be run to its end.
    pub(crate) fn broke_off(&mut self, error: &dyn Display) {
        self.say(format_args!("it could not go on: {error}"));
        self.check("runs to its end", "yes", "no", false);
    }

    /// Prints the table; says whether everything was as expected.
    pub(crate) fn table(&self) -> bool {
        show!(
            "\n{:<11} {:<46} {:>13} {:>13}",
            "case",
            "what",
            "expected",
            "observed"
        );
        show!("{}", "-".repeat(96));
        let mut shown = None;
        for check in &self.checks {
            let case = if shown == Some(check.case) {
                ""
            } else {
                check.case.name()
            };
            shown = Some(check.case);
            show!(
                "{case:<11} {:<46} {:>13} {:>13}  {}",
                check.what,
                check.expected,
                check.observed,
                if check.holds { "ok" } else { "DIFFERS" }
            );
        }
        let differ = self.checks.iter().filter(|check| !check.holds).count();
        let all = self.checks.len();
        match differ {
            0 => show!("\nAll {all} observations are as expected."),
            _ => show!("\n{differ} of {all} observations differ from what was expected."),
        }
        differ == 0
    }
}

/// Returns `part` in per cent of `of`, rounded down.
pub(crate) const fn percent(part: usize, of: usize) -> usize {
    match of {
        0 => 0,
        _ => part * 100 / of,
    }
}
