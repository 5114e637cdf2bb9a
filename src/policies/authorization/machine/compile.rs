use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;

use super::engine::CompiledRule;
use super::identity::IdentityPattern;
use super::matcher::{HeaderKey, Matcher, Wanted};
use super::path_template::PathPattern;
use super::pattern::{Pattern, RequestPrincipal};
use super::trust_domains::TrustDomains;
use crate::policies::authorization::policy::{
    AuthorizationPolicy, Condition, OperationMatch, Rule, SourceMatch, Values,
};

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
    let network = |value: &str| {
        let network = value.parse::<IpNet>().ok();
        let network = network.or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| format!("`{value}` is no address or network").into())
    };
    values.iter().map(|value| network(value)).collect()
}

fn ports(values: &[Box<str>]) -> Compiled<Box<[u16]>> {
    let port = |value: &str| {
        let port = value.parse().map_err(|_| format!("`{value}` is no port"));
        port.map_err(Into::into)
    };
    values.iter().map(|value| port(value)).collect()
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
