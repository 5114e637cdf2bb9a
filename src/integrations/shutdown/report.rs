use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Result of a [shutdown](super::Shutdown): its duration, and the parts that did not end in time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    pub(super) cut_off: Vec<CutOff>,
    pub(super) took: Duration,
}

/// A part of the service that did not end by itself.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CutOff {
    /// A flush was over its time, or panicked.
    Flush(Box<str>),
    /// A server was over its time, with connections that were still open.
    Server(Box<str>),
    /// A server ended by a panic.
    ServerPanicked(Box<str>),
}

impl Report {
    /// Returns true if every part ended by itself.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.cut_off.is_empty()
    }

    /// Returns the parts that did not end in time.
    #[must_use]
    pub fn cut_off(&self) -> &[CutOff] {
        &self.cut_off
    }

    /// Returns the time from the signal to the end.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }
}

/// Formats as `shut down in 5.2s`, or with the parts that were cut off.
impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "shut down in {:?}", self.took)?;
        for (place, part) in self.cut_off.iter().enumerate() {
            let before = if place == 0 { "; cut off: " } else { ", " };
            write!(f, "{before}{part}")?;
        }
        Ok(())
    }
}

impl Display for CutOff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flush(name) => write!(f, "flush {name}"),
            Self::Server(name) => write!(f, "server {name}"),
            Self::ServerPanicked(name) => write!(f, "server {name} (panicked)"),
        }
    }
}
