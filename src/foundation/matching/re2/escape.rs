use super::invalid::{Invalid, Kind};

/// Reads an escape that means one byte from the start of `text`, and moves it behind.
pub(super) fn byte(text: &mut &[u8]) -> Result<u8, Invalid> {
    let whole = *text;
    let [_, letter, rest @ ..] = whole else {
        return Err(Kind::TrailingBackslash.of(b""));
    };
    let (byte, len) = match letter {
        // One digit other than 0 would be a backreference, which RE2 has not.
        b'1'..=b'7' if !rest.first().is_some_and(|byte| is_octal(*byte)) => (None, 0),
        b'0'..=b'7' => octal(&whole[1..]),
        b'a' => (Some(0x07), 1),
        b'f' => (Some(0x0c), 1),
        b'n' => (Some(b'\n'), 1),
        b'r' => (Some(b'\r'), 1),
        b't' => (Some(b'\t'), 1),
        b'v' => (Some(0x0b), 1),
        b'x' => hexadecimal(rest),
        letter if letter.is_ascii() && !letter.is_ascii_alphanumeric() => (Some(*letter), 1),
        _ => (None, 0),
    };
    let Some(byte) = byte else {
        return Err(Kind::BadEscape.of(&whole[..whole.len().min(2 + len)]));
    };
    *text = &whole[1 + len..];
    Ok(byte)
}

fn octal(digits: &[u8]) -> (Option<u8>, usize) {
    let digits = digits.iter().take(3).take_while(|byte| is_octal(**byte));
    let (value, len) = digits.fold((0_u32, 0), |(value, len), digit| {
        (value * 8 + u32::from(digit - b'0'), len + 1)
    });
    (u8::try_from(value).ok(), len)
}

/// Reads what follows `\x`: two digits, or any number of them in braces.
fn hexadecimal(text: &[u8]) -> (Option<u8>, usize) {
    let (digits, len) = match text {
        [b'{', inside @ ..] => match inside.iter().position(|byte| *byte == b'}') {
            Some(end) => (&inside[..end], end + 3),
            None => (&[][..], 1),
        },
        [first, second, ..] if second.is_ascii_hexdigit() && first.is_ascii_hexdigit() => {
            (&text[..2], 3)
        }
        _ => (&[][..], text.len().min(2)),
    };
    let value = digits.iter().try_fold(0_u8, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        value
            .checked_mul(16)?
            .checked_add(u8::try_from(digit).ok()?)
    });
    (value.filter(|_| !digits.is_empty()), len)
}

fn is_octal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'7')
}
