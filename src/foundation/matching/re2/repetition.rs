use super::invalid::{Invalid, Kind};

/// The most that RE2 repeats anything, repetitions of repetitions included.
pub(super) const MOST: u32 = 1_000;

/// `*`, `+`, `?` or `{2,5}`, without a `?` behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repetition<'a> {
    pub(super) text: &'a [u8],
    /// Number of copies that RE2 makes of the repeated part; 1 for a loop.
    pub(super) copies: u32,
}

impl<'a> Repetition<'a> {
    /// Reads one from the start of `text`; none if what stands there is literal, as in `a{,3}`.
    pub(super) fn read(text: &'a [u8]) -> Result<Option<Self>, Invalid> {
        match text.first() {
            Some(b'*' | b'+' | b'?') => Ok(Some(Self {
                text: &text[..1],
                copies: 1,
            })),
            Some(b'{') => Self::counted(text),
            _ => Ok(None),
        }
    }

    fn counted(text: &'a [u8]) -> Result<Option<Self>, Invalid> {
        let Some((least, most, rest)) = counts(&text[1..]) else {
            return Ok(None);
        };
        let text = &text[..text.len() - rest.len()];
        let highest = most.unwrap_or(least);
        if least > MOST || highest > MOST || highest < least {
            return Err(Kind::RepeatSize.of(text));
        }
        let copies = highest.max(1);
        Ok(Some(Self { text, copies }))
    }
}

/// Reads `2}`, `2,}` or `2,5}`.
fn counts(text: &[u8]) -> Option<(u32, Option<u32>, &[u8])> {
    let (least, rest) = number(text)?;
    let (most, rest) = match rest {
        [b',', rest @ ..] if rest.first() == Some(&b'}') => (None, rest),
        [b',', rest @ ..] => {
            let (most, rest) = number(rest)?;
            (Some(most), rest)
        }
        _ => (Some(least), rest),
    };
    match rest {
        [b'}', rest @ ..] => Some((least, most, rest)),
        _ => None,
    }
}

/// Reads digits; no zero before others, and no more than nine of them, or they are no count.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(len);
    if digits.is_empty() || len > 9 || digits[0] == b'0' && len > 1 {
        return None;
    }
    let add = |value: u32, digit: &u8| value * 10 + u32::from(digit - b'0');
    Some((digits.iter().fold(0, add), rest))
}
