use std::fmt::{self, Display, Formatter};

use crate::istio::{Diagnostic, Severity};
use crate::policies::traffic_split::WeightsError;

/// Why there is no mesh, no client of it, or no change.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// reqwest cannot build a client, such as for want of a TLS backend.
    #[cfg(feature = "reqwest")]
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
    /// The documents have errors; all findings are here, and printed, not only the errors.
    #[error("{}", DiagnosticList(.0))]
    Documents(Vec<Diagnostic>),
    /// A file that is followed became blank, as it is for a moment while it is written: what came from it holds
    /// until something else is in it, or it is removed.
    #[cfg(feature = "watch")]
    #[error("{} is empty: to end what came from it, remove it, or leave a comment in it", .0.display())]
    Emptied(std::sync::Arc<std::path::Path>),
    /// There is no `Gateway` of that name.
    #[error("no Gateway {namespace}/{name}")]
    NoGateway {
        /// The name that was asked for.
        name: Box<str>,
        /// The namespace that was asked for.
        namespace: Box<str>,
    },
    /// The thread that follows the files cannot be started.
    #[cfg(feature = "watch")]
    #[error("the files cannot be followed")]
    Thread(#[source] std::io::Error),
    /// The weights do not fit the route, or there is no such host or route.
    #[error("the weights of {host} stay{}", Known(.known))]
    Weights {
        /// The host that was named.
        host: Box<str>,
        /// What there is to name: the host's routes with destinations, or the hosts if it is none of them.
        known: Box<[Box<str>]>,
        /// What is wrong.
        source: WeightsError,
    },
}

impl Error {
    /// Returns what was found in the documents; nothing if they are not what is wrong.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Documents(found) => found,
            _ => &[],
        }
    }
}

/// How many names are shown of those that exist.
const MAX_KNOWN: usize = 10;

/// The names that exist, in place of one that does not.
struct Known<'a>(&'a [Box<str>]);

impl Display for Known<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(names) = self;
        for (place, name) in names.iter().take(MAX_KNOWN).enumerate() {
            let before = if place == 0 { ": there are " } else { ", " };
            write!(f, "{before}{name}")?;
        }
        match names.len().checked_sub(MAX_KNOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// All findings as rustc prints them, and how many are errors.
struct DiagnosticList<'a>(&'a [Diagnostic]);

impl Display for DiagnosticList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for found in self.0 {
            writeln!(f, "{found}")?;
        }
        let all = self.0.iter();
        let errors = all.filter(|found| found.severity() == Severity::Error);
        match errors.count() {
            1 => f.write_str("the documents have 1 error"),
            errors => write!(f, "the documents have {errors} errors"),
        }
    }
}
