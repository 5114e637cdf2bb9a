use std::time::Duration;

/// Parses a duration as Istio does: protobuf's `1.5s`, and Go's `1h30m`, `100ms`.
///
/// A negative duration, which Go allows and a proxy cannot use, has an error of its own.
pub(in crate::istio) fn parse(text: &str) -> Result<Duration, DurationError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Go accepts 0 without a unit.
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    // Far longer than any useful duration; a sum of thousands of parts could overflow.
    if rest.is_empty() || rest.len() > 64 {
        return Err(DurationError::NotADuration);
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(digits.ok_or(DurationError::NotADuration)?);
        let (parsed, tail) = unit(tail).ok_or(DurationError::NotADuration)?;
        nanos += part(number, parsed).ok_or(DurationError::NotADuration)?;
        rest = tail;
    }
    if nanos > u128::from(u64::MAX) {
        return Err(DurationError::NotADuration);
    }
    if negative && nanos > 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::NotADuration)
}

/// Error for a text that is not a duration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::istio) enum DurationError {
    Negative,
    NotADuration,
}

fn unit(text: &str) -> Option<(u128, &str)> {
    // `ms` before `m`, which is its prefix.
    [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]
    .into_iter()
    .find_map(|(name, nanos)| Some((nanos, text.strip_prefix(name)?)))
}

fn part(number: &str, parsed: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // 20 digits exceed any duration, and keep the arithmetic within `u128`.
    if whole.len() + fraction.len() == 0 || whole.len() > 20 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut nanos = whole * parsed;
    let mut scale = parsed;
    for digit in fraction.bytes() {
        // Digits below a nanosecond are dropped: the scale becomes 0.
        scale /= 10;
        nanos += u128::from(digit - b'0') * scale;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_istio_reads_them() {
        for (text, expected) in [
            ("2s", Ok(Duration::from_secs(2))),
            ("0.25s", Ok(Duration::from_millis(250))),
            ("1h30m", Ok(Duration::from_secs(5_400))),
            ("100ms", Ok(Duration::from_millis(100))),
            ("0.000000999s", Ok(Duration::from_nanos(999))),
            ("0", Ok(Duration::ZERO)),
            ("-1s", Err(DurationError::Negative)),
            ("", Err(DurationError::NotADuration)),
            ("10", Err(DurationError::NotADuration)),
            ("10 s", Err(DurationError::NotADuration)),
            ("1.5.0s", Err(DurationError::NotADuration)),
            (".s", Err(DurationError::NotADuration)),
            ("99999999999999999999h", Err(DurationError::NotADuration)),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
