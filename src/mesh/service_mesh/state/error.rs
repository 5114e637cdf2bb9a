use std::fmt::{self, Display, Formatter};

use crate::foundation::outcome::Origin;
use crate::istio::{Diagnostic, Severity};
#[cfg(feature = "jwt")]
use crate::policies::jwt::JwksError;
use crate::policies::traffic_split::WeightsError;

/// Reason why a mesh, one of its clients or a change of it could not be made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// reqwest failed to build a client, for example for want of a TLS backend.
    #[cfg(feature = "reqwest")]
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
    /// The documents have errors. Holds and prints all findings, warnings included.
    #[error("{}", DiagnosticList(.0))]
    Documents(Vec<Diagnostic>),
    /// A watched file became blank, as a file is for a moment while it is written. Its previous content holds
    /// until the file has content again or is removed.
    #[cfg(feature = "watch")]
    #[error("{} is empty and its previous content stays: to drop that, remove the file or leave a comment in it", .0.display())]
    Emptied(std::sync::Arc<std::path::Path>),
    /// No document describes a `Gateway` of this name.
    #[error("no Gateway {namespace}/{name}")]
    NoGateway {
        /// Requested name.
        name: Box<str>,
        /// Requested namespace.
        namespace: Box<str>,
    },
    /// An authorization policy compares the identities of callers, and no server of the mesh knows them.
    #[error(
        "{policy} ({origin}) compares identities of callers, which plain text does not have: serve with mTLS, and \
         say so with `MeshBuilder::with_peer_identities`"
    )]
    NoPeerIdentities {
        /// The policy, as `Kind namespace/name`.
        policy: Box<str>,
        /// Its place in the documents.
        origin: Origin,
    },
    /// The thread that watches the files could not be started.
    #[cfg(feature = "watch")]
    #[error("the files cannot be watched")]
    Thread(#[source] std::io::Error),
    /// The documents have a `RequestAuthentication`, and the application has chosen no library for signatures.
    #[cfg(feature = "jwt")]
    #[error("no token can be verified")]
    Tokens(#[source] JwksError),
    /// The weights do not fit the route, or the host or the route does not exist.
    #[error("the weights of {host} are unchanged{}", Known(.known))]
    Weights {
        /// Requested host.
        host: Box<str>,
        /// Existing names: the host's routes with destinations, or the hosts if there is no such host.
        known: Box<[Box<str>]>,
        /// Mismatch between weights and route.
        source: WeightsError,
    },
}

impl Error {
    /// Returns the findings of the documents; empty for the other errors.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Documents(found) => found,
            _ => &[],
        }
    }
}

/// Maximum number of existing names in the message.
const MAX_KNOWN: usize = 10;

/// List of existing names, for a name that does not exist.
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

/// Display of all findings in rustc's format, with the number of errors.
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
