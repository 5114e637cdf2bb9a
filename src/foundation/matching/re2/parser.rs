use super::class::byte_set::ByteSet;
use super::class::{self, unicode};
use super::escape;
use super::flags::Flags;
use super::invalid::{Invalid, Kind};
use super::repetition::Repetition;
use super::writer::{Translation, Writer};

/// Reads RE2's syntax from left to right and writes the other as it goes.
///
/// A pattern is read as bytes, so that `é` is two of them, each a character of its own: what RE2 does when it is
/// asked for Latin-1, as Envoy does.
pub(super) struct Parser<'a> {
    flags: Flags,
    out: Writer,
    whole: &'a [u8],
}

impl<'a> Parser<'a> {
    pub(super) fn new(pattern: &'a str) -> Self {
        Self {
            flags: Flags::default(),
            out: Writer::new(pattern.len()),
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
                    self.out.alternative();
                    rest = &rest[1..];
                }
                b'[' => {
                    let set = class::bracketed(&mut rest, self.flags.fold)?;
                    self.out.set(set);
                }
                b'\\' => self.escape(&mut rest)?,
                _ => {
                    self.one(*byte);
                    rest = &rest[1..];
                }
            }
        }
        let unfinished = Kind::MissingParen.of(self.whole);
        self.out.finish().ok_or(unfinished)
    }

    /// Takes a byte that is no operator with an argument.
    fn one(&mut self, byte: u8) {
        match byte {
            b'.' if self.flags.dot_newline => self.out.set(ByteSet::EMPTY.negated()),
            b'.' => self.out.set(ByteSet::of(&[(b'\n', b'\n')]).negated()),
            b'^' if self.flags.multi_line => self.out.text("(?m:^)"),
            b'^' => self.out.text(r"\A"),
            b'$' if self.flags.multi_line => self.out.text("(?m:$)"),
            b'$' => self.out.text(r"\z"),
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
                self.out.set(ByteSet::EMPTY.negated());
                *rest = &rest[2..];
                return Ok(());
            }
            Some(b'Q') => {
                self.quoted(rest);
                return Ok(());
            }
            _ => {
                if let Some(set) = class::escaped(rest, self.flags.fold)? {
                    self.out.set(set);
                } else {
                    let byte = escape::byte(rest)?;
                    self.literal(byte);
                }
                return Ok(());
            }
        };
        self.out.text(text);
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
            self.open_group("(", outer)?;
        } else if rest.starts_with(b"(?P<")
            || rest.starts_with(b"(?<") && !matches!(rest.get(3), Some(b'=' | b'!'))
        {
            skip_name(rest)?;
            self.open_group("(", outer)?;
        } else if self.flags.read(rest)? {
            self.open_group("(?:", outer)?;
        }
        Ok(())
    }

    fn open_group(&mut self, opening: &str, outer: Flags) -> Result<(), Invalid> {
        let opened = self.out.open(opening, outer);
        opened.map_err(|kind| kind.of(self.whole))
    }

    fn close(&mut self) -> Result<(), Invalid> {
        let outer = self.out.close();
        self.flags = outer.ok_or_else(|| Kind::UnexpectedParen.of(self.whole))?;
        Ok(())
    }

    fn repeat(
        &mut self,
        repetition: Repetition<'_>,
        lazy: bool,
        text: &[u8],
    ) -> Result<(), Invalid> {
        let lazy = lazy != self.flags.ungreedy;
        let repeated = self.out.repeat(repetition, lazy);
        repeated.map_err(|kind| match kind {
            Kind::RepeatArgument => kind.of(text),
            Kind::RepeatSize => kind.of(repetition.text),
            _ => kind.of(self.whole),
        })
    }

    fn literal(&mut self, byte: u8) {
        let set = ByteSet::of(&[(byte, byte)]);
        self.out
            .set(if self.flags.fold { set.folded() } else { set });
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
