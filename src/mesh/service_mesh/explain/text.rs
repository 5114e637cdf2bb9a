//! Explanations as text for people.

use std::fmt::{self, Display, Formatter};

use super::explained::{ExplainedCluster, ExplainedRoute, Explanation};
use super::refusals::LocalReply;
use super::setting::Setting;
use crate::foundation::outcome::Origin;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let preposition = if self.is_inbound { "to" } else { "from" };
        let (method, url, workload) = (&self.method, &self.url, &self.workload);
        writeln!(f, "{method} {url} {preposition} {workload}")?;
        if !self.listener.is_empty() {
            writeln!(f, "listener:")?;
        }
        for setting in &self.listener {
            writeln!(f, "  {setting}")?;
        }
        match self.virtual_host() {
            Some((name, origin)) => writeln!(f, "virtual host: {name}{}", At(origin))?,
            None if self.is_inbound => {}
            None => writeln!(f, "virtual host: none")?,
        }
        if let Some(route) = &self.route {
            write!(f, "{route}")?;
        }
        match (self.rejection(), &*self.replies) {
            (Some(reply), _) => writeln!(f, "rejected: {reply}"),
            (None, []) => Ok(()),
            (None, replies) => {
                writeln!(f, "local replies:")?;
                replies
                    .iter()
                    .try_for_each(|reply| writeln!(f, "  {reply}"))
            }
        }
    }
}

impl Display for ExplainedRoute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "route: {}", self.index)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        writeln!(f, "{}", At(self.origin()))?;
        for setting in &self.settings {
            writeln!(f, "  {setting}")?;
        }
        self.clusters
            .iter()
            .try_for_each(|cluster| write!(f, "{cluster}"))
    }
}

impl Display for ExplainedCluster {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (weight, total) = self.weight();
        write!(f, "cluster: {}", self.name)?;
        if u64::from(weight) != total {
            write!(f, ", weight {weight} of {total}")?;
        }
        writeln!(f, "{}", At(self.origin()))?;
        self.settings
            .iter()
            .try_for_each(|setting| writeln!(f, "  {setting}"))
    }
}

impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name())?;
        for (n, (name, value)) in self.values().enumerate() {
            let comma = if n == 0 { " " } else { ", " };
            write!(f, "{comma}{name} {value}")?;
        }
        write!(f, "{}", At(self.origin()))
    }
}

impl Display for LocalReply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let condition = if self.is_certain() { "" } else { "if " };
        let (status, flag) = (self.status().as_u16(), self.flag());
        write!(
            f,
            "{status} {flag}: {condition}{}{}",
            self.condition(),
            At(self.origin())
        )
    }
}

/// Place at the end of a line.
struct At<'a>(Option<&'a Origin>);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(origin) => write!(f, "  [{origin}]"),
            None => Ok(()),
        }
    }
}
