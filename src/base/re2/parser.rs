use super::byte_set::ByteSet;
use super::class;
use super::escape;
use super::flags::Flags;
use super::invalid::{Invalid, Kind};
use super::repetition::{MOST, Repetition};
use super::unicode;

/// How many groups and repetitions may stand in one another. RE2 has no bound, but what compiles a pattern here
/// calls itself for each.
const DEEPEST: usize = 100;

/// A pattern in the syntax of the `regex` crate without Unicode.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) groups: usize,
    pub(super) pattern: String,
}

/// Reads RE2's syntax from left to right and writes the other as it goes.
///
/// A pattern is read as bytes, so that `é` is two of them, each a character of its own: what RE2 does when it is
/// asked for Latin-1, as Envoy does.
pub(super) struct Parser<'a> {
    flags: Flags,
    groups: usize,
    /// What a repetition would repeat.
    item: Option<Item>,
    /// Of all that stands in this group so far.
    most: Extent,
    open: Vec<Open>,
    out: String,
    whole: &'a [u8],
}

/// A part of the translated pattern, from `start` to its end.
#[derive(Clone, Copy)]
struct Item {
    extent: Extent,
    start: usize,
}

/// How far a part grows by what it repeats.
#[derive(Clone, Copy)]
struct Extent {
    /// The copies that are made of the most repeated thing in it.
    copies: u32,
    /// The groups and repetitions around the deepest thing in it.
    depth: usize,
}

/// A group that is not closed yet, and what was so before it.
struct Open {
    flags: Flags,
    most: Extent,
    start: usize,
}

impl Extent {
    const ONE: Self = Self {
        copies: 1,
        depth: 0,
    };

    fn max(self, other: Self) -> Self {
        Self {
            copies: self.copies.max(other.copies),
            depth: self.depth.max(other.depth),
        }
    }

    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(pattern: &'a str) -> Self {
        Self {
            flags: Flags::default(),
            groups: 0,
            item: None,
            most: Extent::ONE,
            open: Vec::new(),
            out: String::with_capacity(pattern.len() * 2),
            whole: pattern.as_bytes(),
        }
    }

    pub(super) fn translate(mut self) -> Result<Translation, Invalid> {
        let mut rest = self.whole;
        // Where a repetition began that ends here: one may not follow.
        let mut repeated: Option<&[u8]> = None;
        while let Some(byte) = rest.first() {
            let at = rest;
            if let Some(repetition) = Repetition::read(rest)? {
                rest = &rest[repetition.text.len()..];
                let lazy = rest.first() == Some(&b'?');
                rest = &rest[usize::from(lazy)..];
                let both = repeated.unwrap_or(at);
                if repeated.replace(at).is_some() {
                    return Err(Kind::RepeatOp.of(&both[..both.len() - rest.len()]));
                }
                self.repeat(repetition, lazy, &at[..at.len() - rest.len()])?;
                continue;
            }
            repeated = None;
            match byte {
                b'(' => self.open(&mut rest)?,
                b')' => {
                    self.close()?;
                    rest = &rest[1..];
                }
                b'|' => {
                    self.out.push('|');
                    self.item = None;
                    rest = &rest[1..];
                }
                b'[' => {
                    let set = class::bracketed(&mut rest, self.flags.fold)?;
                    self.set(set);
                }
                b'\\' => self.escape(&mut rest)?,
                _ => {
                    self.one(*byte);
                    rest = &rest[1..];
                }
            }
        }
        if self.open.is_empty() {
            Ok(Translation {
                groups: self.groups,
                pattern: self.out,
            })
        } else {
            Err(Kind::MissingParen.of(self.whole))
        }
    }

    /// Takes a byte that is no operator with an argument.
    fn one(&mut self, byte: u8) {
        match byte {
            b'.' if self.flags.dot_newline => self.set(ByteSet::EMPTY.negated()),
            b'.' => self.set(ByteSet::of(&[(b'\n', b'\n')]).negated()),
            b'^' if self.flags.multi_line => self.text("(?m:^)"),
            b'^' => self.text(r"\A"),
            b'$' if self.flags.multi_line => self.text("(?m:$)"),
            b'$' => self.text(r"\z"),
            _ => self.literal(byte),
        }
    }

    fn escape(&mut self, rest: &mut &[u8]) -> Result<(), Invalid> {
        let text = match rest.get(1) {
            Some(b'A') => r"\A",
            Some(b'B') => r"\B",
            Some(b'b') => r"\b",
            Some(b'z') => r"\z",
            Some(b'C') => {
                self.set(ByteSet::EMPTY.negated());
                *rest = &rest[2..];
                return Ok(());
            }
            Some(b'Q') => {
                self.quoted(rest);
                return Ok(());
            }
            _ => {
                if let Some(set) = class::escaped(rest, self.flags.fold)? {
                    self.set(set);
                } else {
                    let byte = escape::byte(rest)?;
                    self.literal(byte);
                }
                return Ok(());
            }
        };
        self.text(text);
        *rest = &rest[2..];
        Ok(())
    }

    /// Takes `\Q…\E`, whose end may be missing.
    fn quoted(&mut self, rest: &mut &[u8]) {
        let inside = &rest[2..];
        let end = inside.windows(2).position(|pair| pair == br"\E");
        for byte in &inside[..end.unwrap_or(inside.len())] {
            self.literal(*byte);
        }
        *rest = end.map_or(&[], |end| &inside[end + 2..]);
    }

    fn open(&mut self, rest: &mut &[u8]) -> Result<(), Invalid> {
        let outer = self.flags;
        if !rest.starts_with(b"(?") {
            *rest = &rest[1..];
            self.push("(", outer)?;
        } else if rest.starts_with(b"(?P<")
            || rest.starts_with(b"(?<") && !matches!(rest.get(3), Some(b'=' | b'!'))
        {
            skip_name(rest)?;
            self.push("(", outer)?;
        } else if self.flags.read(rest)? {
            self.push("(?:", outer)?;
        }
        Ok(())
    }

    fn push(&mut self, opening: &str, outer: Flags) -> Result<(), Invalid> {
        if self.open.len() >= DEEPEST {
            return Err(Kind::NestingDepth.of(self.whole));
        }
        self.groups += usize::from(opening == "(");
        self.open.push(Open {
            flags: outer,
            most: self.most,
            start: self.out.len(),
        });
        self.out.push_str(opening);
        self.most = Extent::ONE;
        self.item = None;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Invalid> {
        let open = self.open.pop();
        let open = open.ok_or_else(|| Kind::UnexpectedParen.of(self.whole))?;
        self.out.push(')');
        let extent = self.most.deeper();
        self.flags = open.flags;
        self.item = Some(Item {
            extent,
            start: open.start,
        });
        self.most = open.most.max(extent);
        Ok(())
    }

    fn repeat(
        &mut self,
        repetition: Repetition<'_>,
        lazy: bool,
        text: &[u8],
    ) -> Result<(), Invalid> {
        let Some(item) = &mut self.item else {
            return Err(Kind::RepeatArgument.of(text));
        };
        item.extent = item.extent.deeper();
        item.extent.copies *= repetition.copies;
        if item.extent.copies > MOST {
            return Err(Kind::RepeatSize.of(repetition.text));
        }
        if item.extent.depth > DEEPEST {
            return Err(Kind::NestingDepth.of(self.whole));
        }
        self.most = self.most.max(item.extent);
        self.out.insert_str(item.start, "(?:");
        self.out.push(')');
        self.out.push_str(&String::from_utf8_lossy(repetition.text));
        if lazy != self.flags.ungreedy {
            self.out.push('?');
        }
        Ok(())
    }

    fn literal(&mut self, byte: u8) {
        let set = ByteSet::of(&[(byte, byte)]);
        self.set(if self.flags.fold { set.folded() } else { set });
    }

    fn set(&mut self, set: ByteSet) {
        self.begin();
        set.write(&mut self.out);
    }

    fn text(&mut self, text: &str) {
        self.begin();
        self.out.push_str(text);
    }

    fn begin(&mut self) {
        self.item = Some(Item {
            extent: Extent::ONE,
            start: self.out.len(),
        });
    }
}

/// Moves behind `(?P<name>` or `(?<name>`: groups go by number.
fn skip_name(rest: &mut &[u8]) -> Result<(), Invalid> {
    let whole = *rest;
    let begin = if whole[2] == b'P' { 4 } else { 3 };
    let end = whole.iter().position(|byte| *byte == b'>');
    let end = end.ok_or_else(|| Kind::BadNamedCapture.of(whole))?;
    let name = &whole[begin..end];
    let letters = unicode::group(b"L").unwrap_or(ByteSet::EMPTY);
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || letters.has(*byte);
    if name.is_empty() || !name.iter().all(fine) {
        return Err(Kind::BadNamedCapture.of(&whole[..=end]));
    }
    *rest = &whole[end + 1..];
    Ok(())
}
