use std::sync::Arc;

/// The trust domain of a mesh and its former names, which policies treat as one.
#[derive(Clone, Debug)]
pub(crate) struct TrustDomains(Vec<Arc<str>>);

impl Default for TrustDomains {
    fn default() -> Self {
        Self::new("cluster.local", [])
    }
}

/// Trust domain of policies that means that of the mesh, whatever its name.
const LOCAL: &str = "cluster.local";

impl TrustDomains {
    pub(crate) fn new(
        domain: impl Into<Arc<str>>,
        aliases: impl IntoIterator<Item = Arc<str>>,
    ) -> Self {
        Self([domain.into()].into_iter().chain(aliases).collect())
    }

    /// Returns a principal with each of the trust domains that it stands for.
    pub(super) fn principals(&self, principal: &str) -> Vec<Box<str>> {
        let parts: Vec<_> = principal.split('/').collect();
        let domain = parts[0];
        let is_own = || domain == LOCAL || self.0.iter().any(|own| matches(own, domain));
        // Another form than Istio's has no trust domain, and `*` stands for every one.
        if parts.len() != 5 || domain == "*" || !is_own() {
            return vec![principal.into()];
        }
        let rest = &principal[domain.len()..];
        let mut all: Vec<Box<str>> = Vec::new();
        for own in &self.0 {
            // A trust domain with a wildcard covers those that it matches already.
            let expanded = if domain
                .strip_prefix('*')
                .is_some_and(|end| own.ends_with(end))
            {
                principal.into()
            } else {
                format!("{own}{rest}").into()
            };
            if !all.contains(&expanded) {
                all.push(expanded);
            }
        }
        all
    }

    /// Returns a trust domain with its aliases, if it is the mesh's.
    pub(super) fn aliases(&self, domain: &str) -> Vec<Box<str>> {
        if self.0.iter().any(|own| **own == *domain) {
            return self.0.iter().map(|own| (&**own).into()).collect();
        }
        vec![domain.into()]
    }
}

/// Returns true if a trust domain is the one of a pattern with a wildcard at one end.
fn matches(domain: &str, pattern: &str) -> bool {
    let is_end = pattern
        .strip_prefix('*')
        .is_some_and(|end| domain.ends_with(end));
    let is_start = pattern
        .strip_suffix('*')
        .is_some_and(|start| domain.starts_with(start));
    domain == pattern || is_end || is_start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_of_the_mesh_stands_for_all_names_of_its_trust_domain() {
        let domains = TrustDomains::new("new-td", ["old-td".into(), "other".into()]);
        for (principal, expected) in [
            ("*", &["*"][..]),
            ("*/ns/a/sa/b", &["*/ns/a/sa/b"]),
            ("*-td/ns/a/sa/b", &["*-td/ns/a/sa/b", "other/ns/a/sa/b"]),
            (
                "cluster.local/ns/a/sa/b",
                &["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"],
            ),
            ("stranger/ns/a/sa/b", &["stranger/ns/a/sa/b"]),
            ("new-td/x", &["new-td/x"]),
        ] {
            let all: Vec<_> = domains.principals(principal);
            let all: Vec<_> = all.iter().map(|one| &**one).collect();
            assert_eq!(all, expected, "{principal}");
        }
        assert_eq!(domains.aliases("old-td").len(), 3);
        assert_eq!(domains.aliases("stranger").len(), 1);
    }
}
