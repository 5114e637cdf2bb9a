//! Percentages in a configuration: the number `12.5`, or the text `12.5%`.

use serde::ser::Serializer;

use super::Percent;
use crate::foundation::config::{Leaf, Path, Refusal, Scalar, leaf, policy};

leaf!(Percent);
policy!(Percent);

impl Leaf for Percent {
    const EXPECTED: &'static str =
        "a percentage: write a number from 0 to 100, alone or with `%`, such as `12.5%`";

    fn of(scalar: Scalar<'_>) -> Result<Self, Refusal> {
        match scalar {
            Scalar::Float(percent) => of_number(percent),
            Scalar::Integer(percent) => u8::try_from(percent)
                .ok()
                .filter(|percent| *percent <= 100)
                .map(Self::new)
                .ok_or_else(out_of_range),
            Scalar::Text(text) => {
                let number = text.trim();
                let number = number.strip_suffix('%').unwrap_or(number).trim_end();
                let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
                if !number.bytes().all(is_plain) {
                    return Err(Refusal::Other);
                }
                of_number(number.parse().map_err(|_| Refusal::Other)?)
            }
            Scalar::Absent | Scalar::Bool(_) => Err(Refusal::Other),
        }
    }

    fn put<S: Serializer>(&self, _: Path<'_>, to: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string().replace(' ', "");
        to.serialize_str(&text)
    }
}

fn of_number(percent: f64) -> Result<Percent, Refusal> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(out_of_range());
    }
    // A finer share would be rounded, and could be none at all.
    let steps = percent * 10_000.0;
    if (steps - steps.round()).abs() > 1e-6 {
        return Err(Refusal::because("must be a multiple of 0.0001"));
    }
    Ok(Percent::from_f64(percent))
}

fn out_of_range() -> Refusal {
    Refusal::because("must be from 0 to 100")
}
