pub(super) mod byte_set;
pub(super) mod unicode;

use super::escape;
use super::invalid::{Invalid, Kind};
use byte_set::ByteSet;

/// Reads `[…]` from the start of `rest`, and moves it behind.
pub(super) fn bracketed(rest: &mut &[u8], fold: bool) -> Result<ByteSet, Invalid> {
    let whole = *rest;
    let mut text = &whole[1..];
    let negated = text.first() == Some(&b'^');
    if negated {
        text = &text[1..];
    }
    let mut set = ByteSet::EMPTY;
    let mut first = true;
    loop {
        match text.first() {
            None => return Err(Kind::MissingBracket.of(whole)),
            Some(b']') if !first => break,
            Some(_) => {}
        }
        first = false;
        if let Some(named) = named(&mut text, fold)? {
            set.add(named);
            continue;
        }
        let before = text;
        let low = member(&mut text, whole)?;
        // A `-` before the end is one of the members.
        let high = match text {
            [b'-', next, ..] if *next != b']' => {
                text = &text[1..];
                member(&mut text, whole)?
            }
            _ => low,
        };
        if high < low {
            return Err(Kind::BadCharRange.of(&before[..before.len() - text.len()]));
        }
        set.insert(low, high);
    }
    *rest = &text[1..];
    let set = if fold { set.folded() } else { set };
    Ok(if negated { set.negated() } else { set })
}

/// Reads one member of a class.
fn member(text: &mut &[u8], class: &[u8]) -> Result<u8, Invalid> {
    match text.first() {
        None => Err(Kind::MissingBracket.of(class)),
        Some(b'\\') => escape::byte(text),
        Some(byte) => {
            *text = &text[1..];
            Ok(*byte)
        }
    }
}

/// Reads a class that has a name within brackets: `[:alpha:]`, `\pL`, `\d`.
fn named(text: &mut &[u8], fold: bool) -> Result<Option<ByteSet>, Invalid> {
    if text.starts_with(b"[:") {
        // Without an end it is a `[` and a `:` like any.
        let Some(end) = text.windows(2).skip(2).position(|pair| pair == b":]") else {
            return Ok(None);
        };
        let (name, after) = text.split_at(end + 4);
        let set =
            posix(&name[2..name.len() - 2], fold).ok_or_else(|| Kind::BadCharRange.of(name))?;
        *text = after;
        return Ok(Some(set));
    }
    escaped(text, fold)
}

/// Reads a class that is written as an escape, `\pL` or `\d`, if there is one.
pub(super) fn escaped(text: &mut &[u8], fold: bool) -> Result<Option<ByteSet>, Invalid> {
    let [b'\\', letter, after @ ..] = *text else {
        return Ok(None);
    };
    let set = match letter.to_ascii_lowercase() {
        b'd' => ByteSet::of(&[(b'0', b'9')]),
        b'p' => return unicode_group(text, fold).map(Some),
        b's' => ByteSet::of(&[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')]),
        b'w' => word(),
        _ => return Ok(None),
    };
    *text = after;
    let negated = letter.is_ascii_uppercase();
    Ok(Some(if negated { set.negated() } else { set }))
}

/// Reads `\pN`, `\p{Greek}`, or one of them negated by `\P` or `^`.
fn unicode_group(text: &mut &[u8], fold: bool) -> Result<ByteSet, Invalid> {
    let whole = *text;
    let refused = || Kind::BadCharRange.of(whole);
    let mut negated = whole[1] == b'P';
    let (mut name, after) = match &whole[2..] {
        [b'{', inside @ ..] => {
            let end = inside.iter().position(|byte| *byte == b'}');
            let end = end.ok_or_else(refused)?;
            (&inside[..end], &inside[end + 1..])
        }
        [one, after @ ..] => (std::slice::from_ref(one), after),
        [] => return Err(refused()),
    };
    let part = &whole[..whole.len() - after.len()];
    if let [b'^', positive @ ..] = name {
        negated = !negated;
        name = positive;
    }
    let set = unicode::group(name).ok_or_else(|| Kind::BadCharRange.of(part))?;
    *text = after;
    let set = if fold { set.folded() } else { set };
    Ok(if negated { set.negated() } else { set })
}

fn posix(name: &[u8], fold: bool) -> Option<ByteSet> {
    let (negated, name) = match name {
        [b'^', name @ ..] => (true, name),
        _ => (false, name),
    };
    let set = match name {
        b"alnum" => ByteSet::of(&[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
        b"alpha" => ByteSet::of(&[(b'A', b'Z'), (b'a', b'z')]),
        b"ascii" => ByteSet::of(&[(0, 0x7f)]),
        b"blank" => ByteSet::of(&[(b'\t', b'\t'), (b' ', b' ')]),
        b"cntrl" => ByteSet::of(&[(0, 0x1f), (0x7f, 0x7f)]),
        b"digit" => ByteSet::of(&[(b'0', b'9')]),
        b"graph" => ByteSet::of(&[(b'!', b'~')]),
        b"lower" => ByteSet::of(&[(b'a', b'z')]),
        b"print" => ByteSet::of(&[(b' ', b'~')]),
        b"punct" => ByteSet::of(&[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')]),
        b"space" => ByteSet::of(&[(b'\t', b'\r'), (b' ', b' ')]),
        b"upper" => ByteSet::of(&[(b'A', b'Z')]),
        b"word" => word(),
        b"xdigit" => ByteSet::of(&[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
        _ => return None,
    };
    let set = if fold { set.folded() } else { set };
    Some(if negated { set.negated() } else { set })
}

fn word() -> ByteSet {
    ByteSet::of(&[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')])
}
