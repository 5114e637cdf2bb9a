use std::fmt::{self, Display, Formatter};

/// A reason of RE2 to refuse a pattern, with the part that it refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Invalid {
    kind: Kind,
    part: Box<str>,
}

/// RE2's own names and words for what is wrong; `NestingDepth` is this crate's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    BadCharRange,
    BadEscape,
    BadNamedCapture,
    BadPerlOp,
    MissingBracket,
    MissingParen,
    NestingDepth,
    RepeatArgument,
    RepeatOp,
    RepeatSize,
    TrailingBackslash,
    UnexpectedParen,
}

impl Kind {
    /// Refuses `part` for this reason.
    pub(super) fn of(self, part: &[u8]) -> Invalid {
        let part = String::from_utf8_lossy(part).into();
        Invalid { kind: self, part }
    }
}

impl Display for Invalid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::BadCharRange => "invalid character class range",
            Kind::BadEscape => "invalid escape sequence",
            Kind::BadNamedCapture => "invalid named capture group",
            Kind::BadPerlOp => "invalid perl operator",
            Kind::MissingBracket => "missing ]",
            Kind::MissingParen => "missing )",
            Kind::NestingDepth => "nested too deep",
            Kind::RepeatArgument => "no argument for repetition operator",
            Kind::RepeatOp => "bad repetition operator",
            Kind::RepeatSize => "invalid repetition size",
            Kind::TrailingBackslash => return f.write_str(r"trailing \"),
            Kind::UnexpectedParen => "unexpected )",
        };
        write!(f, "{kind}: {}", self.part)
    }
}
