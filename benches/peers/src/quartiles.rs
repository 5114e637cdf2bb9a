//! Medians with their quartiles.

/// The middle of a sample, and where its quarters end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    pub first: f64,
    pub median: f64,
    pub third: f64,
}

impl Quartiles {
    /// Sorts a sample that is not empty.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a sample has some ten values"
    )]
    pub fn of(mut sample: Vec<f64>) -> Self {
        sample.sort_by(f64::total_cmp);
        let last = sample.len() - 1;
        let at = |part: f64| sample[(last as f64 * part).round() as usize];
        Self {
            first: at(0.25),
            median: at(0.5),
            third: at(0.75),
        }
    }
}

impl std::fmt::Display for Quartiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            first,
            median,
            third,
        } = self;
        write!(f, "**{median:.2}** ({first:.2}..{third:.2})")
    }
}
