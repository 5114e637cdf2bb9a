use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;

use super::engine::CompiledRule;
use super::identity::IdentityPattern;
use super::matcher::{HeaderKey, Matcher, Wanted};
use super::path_template::PathPattern;
use super::pattern::{Pattern, RequestPrincipal};
use crate::policies::authorization::policy::{
    AuthorizationPolicy, Condition, OperationMatch, Rule, SourceMatch, Values,
};

/// The trust domain of a mesh and its former names, which policies treat as one.
#[derive(Clone, Debug)]
pub(crate) struct TrustDomains(Vec<Arc<str>>);

/// The error of a value in a policy that nothing could match.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("policy {policy}, rule {rule}: {reason}")]
pub struct PolicyError {
    policy: Arc<str>,
    reason: Box<str>,
    rule: usize,
}

/// Compiles a rule of a policy.
pub(super) fn compile(
    policy: &AuthorizationPolicy,
    place: usize,
    domains: &TrustDomains,
) -> Result<CompiledRule, PolicyError> {
    let rule = &policy.rules[place];
    Compiler { domains, policy }
        .rule(rule)
        .map_err(|reason| PolicyError {
            policy: Arc::clone(&policy.name),
            reason,
            rule: place,
        })
}

struct Compiler<'a> {
    domains: &'a TrustDomains,
    policy: &'a AuthorizationPolicy,
}

type Compiled<T> = Result<T, Box<str>>;

impl Compiler<'_> {
    fn rule(&self, rule: &Rule) -> Compiled<CompiledRule> {
        let sources = rule.sources.iter().map(|source| self.source(source));
        let operations = rule.operations.iter().map(operation);
        let mut conditions = Vec::new();
        for condition in &rule.conditions {
            self.condition(condition, &mut conditions)?;
        }
        Ok(CompiledRule {
            conditions: conditions.into(),
            operations: operations.collect::<Compiled<_>>()?,
            sources: sources.collect::<Compiled<_>>()?,
        })
    }

    fn source(&self, source: &SourceMatch) -> Compiled<Box<[Matcher]>> {
        let mut all = Vec::new();
        self.principals(&source.principals, &mut all);
        add(&source.request_principals, &mut all, |values| {
            Ok(request_principals(values))
        })?;
        self.identity(&source.namespaces, &mut all, IdentityPattern::namespace);
        self.service_accounts(&source.service_accounts, &mut all);
        self.trust_domains(&source.trust_domains, &mut all);
        add(&source.remote_ip_blocks, &mut all, |values| {
            Ok(Wanted::Remote(networks(values)?))
        })?;
        add(&source.ip_blocks, &mut all, |values| {
            Ok(Wanted::Peer(networks(values)?))
        })?;
        Ok(all.into())
    }

    fn condition(&self, condition: &Condition, all: &mut Vec<Matcher>) -> Compiled<()> {
        let values = &condition.values;
        let key = &*condition.key;
        match key {
            "source.ip" => add(values, all, |values| Ok(Wanted::Peer(networks(values)?)))?,
            "remote.ip" => add(values, all, |values| Ok(Wanted::Remote(networks(values)?)))?,
            "source.namespace" => self.identity(values, all, IdentityPattern::namespace),
            "source.principal" => self.principals(values, all),
            "source.serviceAccount" => self.service_accounts(values, all),
            "source.trustDomain" => self.trust_domains(values, all),
            "request.auth.principal" => add(values, all, |values| Ok(request_principals(values)))?,
            "request.auth.audiences" => claim(&["aud"], values, all)?,
            "request.auth.presenter" => claim(&["azp"], values, all)?,
            "destination.ip" => add(values, all, |values| {
                Ok(Wanted::LocalAddress(networks(values)?))
            })?,
            "destination.port" => add(values, all, |values| Ok(Wanted::LocalPort(ports(values)?)))?,
            "connection.sni" => add(values, all, |values| {
                Ok(Wanted::ServerName(patterns(values)))
            })?,
            _ if key.starts_with("experimental.envoy.filters.") => {
                add(values, all, |_| Ok(Wanted::Metadata))?;
            }
            _ => {
                if let Some(name) = bracketed(key, "request.headers") {
                    let name = header_key(name)?;
                    add(values, all, |values| {
                        Ok(Wanted::Header(name.clone(), patterns(values)))
                    })?;
                } else if let Some(names) = bracketed(key, "request.auth.claims") {
                    let names: Vec<_> = names.split("][").collect();
                    claim(&names, values, all)?;
                } else {
                    return Err(format!("there is no attribute `{key}`").into());
                }
            }
        }
        Ok(())
    }

    fn identity(
        &self,
        values: &Values,
        all: &mut Vec<Matcher>,
        pattern: impl Fn(&str) -> IdentityPattern,
    ) {
        let _ = self;
        for (is_negated, values) in [(false, &values.any), (true, &values.not)] {
            if !values.is_empty() {
                let patterns = values.iter().map(|value| pattern(value));
                let wanted = Wanted::Identity(patterns.collect());
                all.push(Matcher { is_negated, wanted });
            }
        }
    }

    fn principals(&self, values: &Values, all: &mut Vec<Matcher>) {
        let expand = |values: &[Box<str>]| {
            let all = values
                .iter()
                .flat_map(|value| self.domains.principals(value));
            all.collect()
        };
        let values = Values {
            any: expand(&values.any),
            not: expand(&values.not),
        };
        self.identity(&values, all, IdentityPattern::principal);
    }

    fn service_accounts(&self, values: &Values, all: &mut Vec<Matcher>) {
        let namespace = &*self.policy.namespace;
        self.identity(values, all, |value| {
            IdentityPattern::service_account(value, namespace)
        });
    }

    fn trust_domains(&self, values: &Values, all: &mut Vec<Matcher>) {
        let expand = |values: &[Box<str>]| {
            let all = values.iter().flat_map(|value| self.domains.aliases(value));
            all.collect()
        };
        let values = Values {
            any: expand(&values.any),
            not: expand(&values.not),
        };
        self.identity(&values, all, IdentityPattern::trust_domain);
    }
}

fn operation(operation: &OperationMatch) -> Compiled<Box<[Matcher]>> {
    let mut all = Vec::new();
    add(&operation.methods, &mut all, |values| {
        Ok(Wanted::Method(patterns(values)))
    })?;
    add(&operation.ports, &mut all, |values| {
        Ok(Wanted::LocalPort(ports(values)?))
    })?;
    add(&operation.paths, &mut all, |values| {
        let paths = values.iter().map(|path| PathPattern::new(path));
        let paths = paths.collect::<Result<_, _>>();
        Ok(Wanted::Path(paths.map_err(|error| error.to_string())?))
    })?;
    add(&operation.hosts, &mut all, |values| {
        let hosts = values.iter().map(|host| Pattern::new(host).ignoring_case());
        Ok(Wanted::Host(hosts.collect()))
    })?;
    Ok(all.into())
}

/// Adds the matchers of a field: none without values, and one each for the wanted and the excluded ones.
fn add(
    values: &Values,
    all: &mut Vec<Matcher>,
    wanted: impl Fn(&[Box<str>]) -> Compiled<Wanted>,
) -> Compiled<()> {
    for (is_negated, values) in [(false, &values.any), (true, &values.not)] {
        if !values.is_empty() {
            let wanted = wanted(values)?;
            all.push(Matcher { is_negated, wanted });
        }
    }
    Ok(())
}

fn claim(path: &[&str], values: &Values, all: &mut Vec<Matcher>) -> Compiled<()> {
    add(values, all, |values| {
        let path = path.iter().map(|name| (*name).into()).collect();
        Ok(Wanted::Claim(path, patterns(values)))
    })
}

fn patterns(values: &[Box<str>]) -> Box<[Pattern]> {
    values.iter().map(|value| Pattern::new(value)).collect()
}

fn request_principals(values: &[Box<str>]) -> Wanted {
    let patterns = values.iter().map(|value| RequestPrincipal::new(value));
    Wanted::RequestPrincipal(patterns.collect())
}

fn networks(values: &[Box<str>]) -> Compiled<Box<[IpNet]>> {
    let network = |value: &Box<str>| {
        let network = value.parse::<IpNet>().ok();
        let network = network.or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| format!("`{value}` is no address or network").into())
    };
    values.iter().map(network).collect()
}

fn ports(values: &[Box<str>]) -> Compiled<Box<[u16]>> {
    let port = |value: &Box<str>| {
        let port = value.parse().map_err(|_| format!("`{value}` is no port"));
        port.map_err(Into::into)
    };
    values.iter().map(port).collect()
}

fn header_key(name: &str) -> Compiled<HeaderKey> {
    Ok(match name.to_ascii_lowercase().as_str() {
        // Envoy keeps `Host` as the authority.
        ":authority" | "host" => HeaderKey::Authority,
        ":method" => HeaderKey::Method,
        ":path" => HeaderKey::Path,
        ":scheme" => HeaderKey::Scheme,
        name => {
            let name = HeaderName::try_from(name);
            HeaderKey::Name(
                name.map_err(|_| "the name of the header has a character that none has")?,
            )
        }
    })
}

fn bracketed<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let name = key
        .strip_prefix(prefix)?
        .strip_prefix('[')?
        .strip_suffix(']')?;
    (!name.is_empty()).then_some(name)
}

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
    fn principals(&self, principal: &str) -> Vec<Box<str>> {
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
    fn aliases(&self, domain: &str) -> Vec<Box<str>> {
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
