use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The format of a point in time in UTC, as Envoy's `%START_TIME(format)%` takes it: `strftime`'s, with
/// `%3f` and the like for fractions of a second.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policies::traffic_split) struct TimeFormat(Box<[Part]>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Field(u8),
    /// So many digits of the second's fraction.
    Fraction(usize),
    Text(Box<str>),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Format of a start time without an explicit one.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%E3SZ";

impl TimeFormat {
    /// Reads a format; `None` if it asks for what is not known here.
    pub(in crate::policies::traffic_split) fn parse(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        read(if format.is_empty() { DEFAULT } else { format }, &mut parts)?;
        Some(Self(parts.into()))
    }

    /// Writes a time; one before 1970 is 1970.
    pub(in crate::policies::traffic_split) fn write(&self, time: SystemTime, value: &mut Vec<u8>) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let civil = Civil::of(since);
        for part in &self.0 {
            match part {
                Part::Field(field) => civil.write(*field, since, value),
                Part::Fraction(digits) => {
                    let nanos = format!("{:09}", since.subsec_nanos());
                    value.extend_from_slice(&nanos.as_bytes()[..*digits]);
                }
                Part::Text(text) => value.extend_from_slice(text.as_bytes()),
            }
        }
    }
}

fn read(format: &str, parts: &mut Vec<Part>) -> Option<()> {
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        parts.push(Part::Text(before.into()));
        let mut letters = after.chars();
        match letters.next()? {
            '%' => parts.push(Part::Text("%".into())),
            'D' => read("%m/%d/%y", parts)?,
            'F' => read("%Y-%m-%d", parts)?,
            'R' => read("%H:%M", parts)?,
            'T' => read("%H:%M:%S", parts)?,
            'f' => parts.push(Part::Fraction(9)),
            digit @ '1'..='9' => {
                let digits = digit.to_digit(10)?;
                letters.next().filter(|letter| *letter == 'f')?;
                parts.push(Part::Fraction(usize::try_from(digits).ok()?));
            }
            'E' => {
                let digits = letters
                    .next()?
                    .to_digit(10)
                    .filter(|n| (1..=9).contains(n))?;
                letters.next().filter(|letter| *letter == 'S')?;
                read(&format!("%S.%{digits}f"), parts)?;
            }
            field if "AaBbdeHhIjMmpSsuwYyZz".contains(field) => {
                parts.push(Part::Field(u8::try_from(field).ok()?));
            }
            _ => return None,
        }
        rest = letters.as_str();
    }
    parts.push(Part::Text(rest.into()));
    Some(())
}

/// A point in time by the calendar.
struct Civil {
    year: u64,
    month: usize,
    day: u64,
    weekday: usize,
    day_of_year: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn of(since: Duration) -> Self {
        let (days, of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        // 400 years have 146,097 days, so that no time is far.
        let (mut year, mut day) = (1970 + days / 146_097 * 400, days % 146_097);
        while day >= 365 + u64::from(is_leap(year)) {
            day -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let day_of_year = day + 1;
        let february = 28 + u64::from(is_leap(year));
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        while day >= lengths[month] {
            day -= lengths[month];
            month += 1;
        }
        Self {
            year,
            month,
            day: day + 1,
            // 1 January 1970 was a Thursday.
            weekday: usize::try_from((days + 4) % 7).unwrap_or(0),
            day_of_year,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    fn write(&self, field: u8, since: Duration, value: &mut Vec<u8>) {
        let (month, weekday) = (MONTHS[self.month], WEEKDAYS[self.weekday]);
        let written = match field {
            b'A' => write!(value, "{weekday}"),
            b'a' => write!(value, "{}", &weekday[..3]),
            b'B' => write!(value, "{month}"),
            b'b' | b'h' => write!(value, "{}", &month[..3]),
            b'd' => write!(value, "{:02}", self.day),
            b'e' => write!(value, "{:2}", self.day),
            b'H' => write!(value, "{:02}", self.hour),
            b'I' => write!(value, "{:02}", (self.hour + 11) % 12 + 1),
            b'j' => write!(value, "{:03}", self.day_of_year),
            b'M' => write!(value, "{:02}", self.minute),
            b'm' => write!(value, "{:02}", self.month + 1),
            b'p' => write!(value, "{}", if self.hour < 12 { "AM" } else { "PM" }),
            b'S' => write!(value, "{:02}", self.second),
            b's' => write!(value, "{}", since.as_secs()),
            b'u' => write!(value, "{}", (self.weekday + 6) % 7 + 1),
            b'w' => write!(value, "{}", self.weekday),
            b'Y' => write!(value, "{}", self.year),
            b'y' => write!(value, "{:02}", self.year % 100),
            b'Z' => write!(value, "UTC"),
            _ => write!(value, "+0000"),
        };
        written.expect("a vector takes every byte");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &str, millis: u64) -> String {
        let mut value = Vec::new();
        let time = UNIX_EPOCH + Duration::from_millis(millis);
        TimeFormat::parse(format).unwrap().write(time, &mut value);
        String::from_utf8(value).unwrap()
    }

    #[test]
    fn a_time_is_written_as_strftime_does() {
        for (format, millis, expected) in [
            ("", 0, "1970-01-01T00:00:00.000Z"),
            ("", 1_709_211_723_045, "2024-02-29T13:02:03.045Z"),
            ("%s.%3f %f", 1_709_211_723_045, "1709211723.045 045000000"),
            (
                "%a %b %e %T %Y %j",
                1_709_211_723_045,
                "Thu Feb 29 13:02:03 2024 060",
            ),
            ("%A %B %I%p", 0, "Thursday January 12AM"),
            (
                "%D %F %R%%%z%Z",
                951_782_400_000,
                "02/29/00 2000-02-29 00:00%+0000UTC",
            ),
            ("%Y", 4_102_444_799_999, "2099"),
            ("%Y %j", 13_569_465_600_000, "2400 001"),
        ] {
            assert_eq!(written(format, millis), expected, "{format}");
        }
    }

    #[test]
    fn a_format_that_is_not_known_is_none() {
        for format in ["%", "%Q", "%3", "%3Y", "%E3", "%E0S", "%E"] {
            assert_eq!(TimeFormat::parse(format), None, "{format}");
        }
    }
}
