//! Decides when the coming expiry of a certificate is reported: pure, with the time as an argument.

use std::time::Duration;

/// Longest time before the expiry at which it is reported; certificates that live for hours are reported when a quarter
/// of their life is left.
const EARLIEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Reports of one certificate's expiry: at first notice, and each time that half of the rest is over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExpiryReports {
    last: Option<Duration>,
}

impl ExpiryReports {
    /// Returns true if the expiry is to be reported now, of a certificate that lives for `life` and has `left` of it.
    pub(super) fn is_due(&mut self, left: Duration, life: Duration) -> bool {
        let is_due = match self.last {
            None => left <= EARLIEST.min(life / 4),
            Some(last) => !last.is_zero() && left <= last / 2,
        };
        if is_due {
            self.last = Some(left);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the hours left at which a certificate is reported that is looked at every hour.
    fn reported(life: u32) -> Vec<u32> {
        const HOUR: Duration = Duration::from_secs(3_600);
        let mut reports = ExpiryReports::default();
        let hours = (0..=life).rev();
        let mut due: Vec<_> = hours
            .filter(|left| reports.is_due(HOUR * *left, HOUR * life))
            .collect();
        // It stays expired.
        due.extend((0..10).filter(|_| reports.is_due(Duration::ZERO, HOUR * life)));
        due
    }

    #[test]
    fn a_certificate_of_a_day_is_reported_when_a_quarter_is_left_and_at_each_half_of_that() {
        assert_eq!(reported(24), [6, 3, 1, 0]);
    }

    #[test]
    fn a_certificate_of_a_year_is_reported_a_week_before() {
        assert_eq!(reported(24 * 365), [168, 84, 42, 21, 10, 5, 2, 1, 0]);
    }
}
