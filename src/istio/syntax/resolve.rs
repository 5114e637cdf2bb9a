//! Values of plain scalars, as Kubernetes reads them: by the rules of go-yaml 2, which are those of YAML 1.1
//! without its sexagesimal numbers.

use std::borrow::Cow;

use base64::Engine as _;

use super::tree::Value;

/// Reads a scalar without quotes and without a tag.
pub(in crate::istio) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Value::Text(text.into())),
    }
}

/// Reads a scalar under a tag of YAML's own, such as `int` of `!!int`; `None` if it is none of that kind.
pub(in crate::istio) fn tagged(tag: &str, text: &str) -> Option<Value> {
    match (tag, plain(text)) {
        ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null)
        | ("int", value @ Value::Int(_))
        | ("float", value @ Value::Float(_)) => Some(value),
        #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
        ("float", Value::Int(value)) => Some(Value::Float(value as f64)),
        ("bool" | "null" | "int" | "float", _) => None,
        ("binary", _) => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .ok()?;
            String::from_utf8(bytes)
                .ok()
                .map(|text| Value::Text(text.into()))
        }
        _ => Some(Value::Text(text.into())),
    }
}

/// Writes a key as JSON has it; `None` if it cannot be one.
pub(in crate::istio) fn key(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Int(value) => value.to_string().into(),
        #[expect(clippy::cast_possible_truncation, reason = "as Go writes it")]
        Value::Float(value) => match *value as f32 {
            short if short.is_nan() => ".nan".into(),
            short if short.is_infinite() && short > 0.0 => ".inf".into(),
            short if short.is_infinite() => "-.inf".into(),
            // Others have an exponent in Go.
            short if short == 0.0 || (1e-4..1e6).contains(&short.abs()) => short.to_string().into(),
            _ => return None,
        },
        Value::Text(text) => Cow::Borrowed(text),
        Value::List(_) | Value::Map(_) | Value::Null => return None,
    })
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    integer(&digits)
        .map(Value::Int)
        .or_else(|| float(&digits).map(Value::Float))
}

/// Reads what fits into 64 bits: decimal, octal (`010`, `0o10`), hexadecimal or binary.
fn integer(text: &str) -> Option<i128> {
    let is_signed = text.starts_with(['+', '-']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // Rust takes a sign here, Go does not.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    let value = if negative { -value } else { value };
    let most = if is_signed {
        i64::MAX.into()
    } else {
        u64::MAX.into()
    };
    (i128::from(i64::MIN)..=most)
        .contains(&value)
        .then_some(value)
}

/// Reads a decimal fraction with or without an exponent. One that is too large stays a text.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = are_digits(whole)
        && are_digits(fraction)
        && are_digits(exponent)
        && !exponent.is_empty()
        && !(whole.is_empty() && fraction.is_empty());
    let value: f64 = text.parse().ok().filter(|_| is_number)?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `kubectl annotate --local -o json` of 1.37 prints it.
    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        for (text, expected) in [
            ("0100", Value::Int(64)),
            ("0o17", Value::Int(15)),
            ("0b11", Value::Int(3)),
            ("-0b11", Value::Int(-3)),
            ("0B11", Value::Int(3)),
            ("0x1F", Value::Int(31)),
            ("-0x10", Value::Int(-16)),
            ("1_000", Value::Int(1_000)),
            ("1__0", Value::Int(10)),
            ("0_7", Value::Int(7)),
            ("+5", Value::Int(5)),
            ("18446744073709551615", Value::Int(u64::MAX.into())),
            (
                "18446744073709551616",
                Value::Float(18_446_744_073_709_551_616.0),
            ),
            ("08", Value::Float(8.0)),
            ("09.5", Value::Float(9.5)),
            ("1.", Value::Float(1.0)),
            (".5", Value::Float(0.5)),
            ("1.10", Value::Float(1.1)),
            ("1e3", Value::Float(1_000.0)),
            ("12e03", Value::Float(12_000.0)),
            ("1e400", Value::Text("1e400".into())),
            ("1:30", Value::Text("1:30".into())),
            ("2001-01-01", Value::Text("2001-01-01".into())),
            ("tRue", Value::Text("tRue".into())),
            ("nULL", Value::Text("nULL".into())),
            ("_1", Value::Text("_1".into())),
            ("0x", Value::Text("0x".into())),
            ("--1", Value::Text("--1".into())),
            ("0-1", Value::Text("0-1".into())),
            ("-", Value::Text("-".into())),
            (".", Value::Text(".".into())),
            ("1e", Value::Text("1e".into())),
            ("+.inf2", Value::Text("+.inf2".into())),
            ("y", Value::Bool(true)),
            ("On", Value::Bool(true)),
            ("N", Value::Bool(false)),
            ("off", Value::Bool(false)),
            ("Null", Value::Null),
            ("", Value::Null),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_tag_decides_what_a_scalar_is() {
        assert_eq!(tagged("str", "010"), Some(Value::Text("010".into())));
        assert_eq!(tagged("int", "010"), Some(Value::Int(8)));
        assert_eq!(tagged("float", "8"), Some(Value::Float(8.0)));
        assert_eq!(tagged("int", "soon"), None);
        assert_eq!(
            tagged("binary", "aGVsbG8="),
            Some(Value::Text("hello".into()))
        );
        assert_eq!(tagged("set", "12"), Some(Value::Text("12".into())));
    }
}
