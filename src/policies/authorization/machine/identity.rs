use super::pattern::Pattern;
use crate::foundation::matching::StringMatch;

/// Pattern of the peer's identity, which is compared as the whole URI.
///
/// Istio writes most of these as regular expressions on the URI; this is what they match.
#[derive(Clone, Debug)]
pub(super) enum IdentityPattern {
    /// `/ns/<namespace>/` anywhere.
    Namespace(Box<str>),
    /// `.*/ns/<pattern>/.*`, with a wildcard in the namespace.
    NamespaceWildcard(StringMatch),
    /// Every identity.
    Present,
    /// The URI begins, ends or is this.
    Principal(Pattern),
    /// Begins with `spiffe://`, and ends with this.
    PrincipalSuffix(Box<str>),
    /// `spiffe://.+/ns/<namespace>/(.+/|)sa/<account>(/.+)?`.
    ServiceAccount {
        account: Box<str>,
        namespace: Box<str>,
    },
    TrustDomain(Pattern),
}

const SCHEME: &str = "spiffe://";

impl IdentityPattern {
    /// Creates the pattern of a principal, which is written without `spiffe://`.
    pub(super) fn principal(pattern: &str) -> Self {
        if pattern == "*" {
            return Self::Present;
        }
        match pattern.strip_prefix('*') {
            Some(suffix) => Self::PrincipalSuffix(suffix.into()),
            None => Self::Principal(Pattern::new(&format!("{SCHEME}{pattern}"))),
        }
    }

    pub(super) fn namespace(pattern: &str) -> Self {
        if !pattern.contains('*') {
            return Self::Namespace(format!("/ns/{pattern}/").into());
        }
        let parts: Vec<_> = pattern.split('*').map(regex_escaped).collect();
        let regex = format!(".*/ns/{}/.*", parts.join(".*"));
        // Escaped texts and dots are always valid; a namespace too long for the compiler is that of no certificate.
        StringMatch::regex(&regex).map_or_else(
            |_| Self::Namespace(format!("/ns/{pattern}/").into()),
            Self::NamespaceWildcard,
        )
    }

    /// Creates the pattern of `name`, in the policy's namespace, or of `namespace/name`.
    pub(super) fn service_account(pattern: &str, own_namespace: &str) -> Self {
        let (namespace, account) = pattern.split_once('/').unwrap_or((own_namespace, pattern));
        Self::ServiceAccount {
            account: format!("sa/{account}").into(),
            namespace: format!("/ns/{namespace}/").into(),
        }
    }

    pub(super) fn trust_domain(pattern: &str) -> Self {
        Self::TrustDomain(Pattern::new(pattern))
    }

    pub(super) fn matches(&self, uri: &str) -> bool {
        match self {
            Self::Namespace(part) => uri.contains(&**part),
            Self::NamespaceWildcard(regex) => regex.matches(uri),
            Self::Present => !uri.is_empty(),
            Self::Principal(pattern) => pattern.matches(uri.as_bytes()),
            Self::PrincipalSuffix(suffix) => {
                let rest = uri.strip_prefix(SCHEME);
                rest.is_some_and(|rest| rest.ends_with(&**suffix))
            }
            Self::ServiceAccount { account, namespace } => {
                let rest = uri.strip_prefix(SCHEME);
                rest.is_some_and(|rest| is_account(rest, namespace, account))
            }
            Self::TrustDomain(pattern) => {
                let domain = uri
                    .strip_prefix(SCHEME)
                    .and_then(|rest| rest.split('/').next());
                domain.is_some_and(|domain| pattern.matches(domain.as_bytes()))
            }
        }
    }
}

/// Finds namespace and account behind a trust domain, with other pairs between them.
fn is_account(rest: &str, namespace: &str, account: &str) -> bool {
    let ends_here = |text: &str| {
        let after = text.strip_prefix(account);
        after.is_some_and(|after| after.is_empty() || (after.starts_with('/') && after.len() > 1))
    };
    rest.match_indices(namespace).any(|(at, _)| {
        let after = &rest[at + namespace.len()..];
        // The pair may also stand behind others, each of which is not empty.
        let behind = after.match_indices('/').filter(|(slash, _)| *slash > 0);
        at > 0
            && (ends_here(after)
                || behind
                    .into_iter()
                    .any(|(slash, _)| ends_here(&after[slash + 1..])))
    })
}

fn regex_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_punctuation() && char != '_' {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pattern decides as the expression that Istio writes for it.
    #[test]
    fn patterns_match_what_the_expressions_of_istio_match() {
        let uris = [
            "spiffe://td/ns/a/sa/b",
            "spiffe://td/ns/a/sa/bc",
            "spiffe://td/ns/a/sa/b/x",
            "spiffe://td/ns/a/sa/b/",
            "spiffe://td/ns/a/k/v/sa/b",
            "spiffe://td/ns/a//sa/b",
            "spiffe:///ns/a/sa/b",
            "spiffe://td/x/ns/a/sa/b",
            "spiffe://td/ns/ab/sa/b",
            "spiffe://td/ns/a",
            "spiffe://td/ns/a.b/sa/b",
            "spiffe://other/ns/c/ns/a/sa/b",
            "spiffe://td",
            "",
        ];
        for (pattern, regex) in [
            (IdentityPattern::namespace("a"), ".*/ns/a/.*"),
            (IdentityPattern::namespace("a*"), ".*/ns/a.*/.*"),
            (IdentityPattern::namespace("*b"), ".*/ns/.*b/.*"),
            (IdentityPattern::namespace("*"), ".*/ns/.*/.*"),
            (IdentityPattern::namespace("a.*"), r".*/ns/a\..*/.*"),
            (
                IdentityPattern::service_account("b", "a"),
                "spiffe://.+/ns/a/(.+/|)sa/b(/.+)?",
            ),
            (
                IdentityPattern::service_account("ab/b", "a"),
                "spiffe://.+/ns/ab/(.+/|)sa/b(/.+)?",
            ),
            (IdentityPattern::principal("*"), ".+"),
            (IdentityPattern::principal("td*"), "spiffe://td.*"),
            (IdentityPattern::principal("*/sa/b"), "spiffe://.*/sa/b"),
            (IdentityPattern::principal("td"), "spiffe://td"),
        ] {
            let regex = StringMatch::regex(regex).unwrap();
            for uri in uris {
                assert_eq!(
                    pattern.matches(uri),
                    regex.matches(uri),
                    "{pattern:?} {uri}"
                );
            }
        }
    }

    #[test]
    fn a_trust_domain_is_what_stands_before_the_path() {
        for (pattern, uri, expected) in [
            ("td", "spiffe://td/ns/a/sa/b", true),
            ("td", "spiffe://td", true),
            ("td", "spiffe://tda/td", false),
            ("*.local", "spiffe://cluster.local/a", true),
            ("*", "spiffe://cluster.local/a", true),
            ("*", "", false),
        ] {
            let found = IdentityPattern::trust_domain(pattern).matches(uri);
            assert_eq!(found, expected, "{pattern} {uri}");
        }
    }
}
