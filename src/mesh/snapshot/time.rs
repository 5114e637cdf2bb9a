//! Times of a snapshot.

#[cfg(feature = "istio")]
use std::time::Instant;
use std::time::SystemTime;
#[cfg(feature = "serde")]
use std::time::UNIX_EPOCH;

#[cfg(feature = "istio")]
use crate::foundation::time::clock;

/// The moment of a snapshot on both clocks.
#[cfg(feature = "istio")]
#[derive(Clone, Copy, Debug)]
pub(in crate::mesh) struct Moment {
    pub(in crate::mesh) now: Instant,
    pub(in crate::mesh) time: SystemTime,
}

#[cfg(feature = "istio")]
impl Moment {
    pub(in crate::mesh) fn read() -> Self {
        Self {
            now: clock::now(),
            time: clock::system_time(),
        }
    }

    /// Returns the wall-clock time of an instant; the present one for an instant that it cannot express.
    pub(in crate::mesh) fn time_of(self, instant: Instant) -> SystemTime {
        let time = match instant.checked_duration_since(self.now) {
            Some(ahead) => self.time.checked_add(ahead),
            None => self
                .time
                .checked_sub(self.now.saturating_duration_since(instant)),
        };
        time.unwrap_or(self.time)
    }
}

/// Returns a time as RFC 3339 writes it, in UTC and to the millisecond; one before 1970 is 1970.
#[cfg(feature = "serde")]
pub(crate) fn rfc3339(time: SystemTime) -> impl std::fmt::Display {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Returns year, month and day of a number of days since 1970, by Howard Hinnant's `civil_from_days`.
#[cfg(feature = "serde")]
const fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is their last one.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_across_leap_years_and_centuries() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_735_689_599, "2024-12-31T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(seconds * 1_000 + 7);
            assert_eq!(rfc3339(time).to_string(), text);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
