//! Istio's own documents beside the RBAC filters that its control plane makes of them: both decide alike.
//!
//! The pairs are Istio's (`pilot/pkg/security/authz/builder/testdata/http`), and not part of this repository. The variable
//! `ISTIO_AUTHORIZATION_PAIRS` names their folder; without it, only the pair below is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use meshless::Mesh;
use meshless::mesh::Workload;
use serde_json::{Value, json};

use super::caller::{Caller, is_allowed};
use super::rbac::{self, Seen};

/// Decisions for each document, besides those for the values of each field.
const SAMPLES: usize = 1_500;

/// Decisions for the pair of this repository, few of which allow.
const MANY: usize = 6_000;

/// A document in which nothing is a contradiction, and its filter.
const IN: &str = include_str!("pair-in.yaml");
const OUT: &str = include_str!("pair-out.yaml");

fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

/// Returns the workload that the documents select, where the trust domain is that of Istio's test of that name.
fn workload(name: &str, documents: &str) -> Workload {
    let (domain, aliases): (_, &[&str]) = match name {
        "simple-policy-td-aliases" => ("td1", &["cluster.local"]),
        "simple-policy-multiple-td-aliases" => ("td1", &["cluster.local", "some-td"]),
        "td-aliases-source-principal" => ("new-td", &["old-td", "some-trustdomain"]),
        _ => ("cluster.local", &[]),
    };
    let mesh = Mesh::builder()
        .with_peer_identities(true)
        .with_trust_domain(domain, aliases.iter().copied())
        .read_yaml(documents);
    let mesh = mesh.unwrap_or_else(|error| panic!("{name}: {error}"));
    mesh.workload("httpbin", "foo")
        .with_labels([("version", "v1")])
}

/// Values that the documents name, by the place where a request has them.
#[derive(Default)]
struct Candidates(BTreeMap<&'static str, Vec<String>>);

impl Candidates {
    fn of(documents: &[Value]) -> Self {
        let mut all = Self::default();
        for document in documents {
            for rule in document["spec"]["rules"].as_array().into_iter().flatten() {
                for from in rule["from"].as_array().into_iter().flatten() {
                    all.fields(&from["source"]);
                }
                for to in rule["to"].as_array().into_iter().flatten() {
                    all.fields(&to["operation"]);
                }
                for when in rule["when"].as_array().into_iter().flatten() {
                    let key = when["key"].as_str().unwrap();
                    all.field(key, &when["values"]);
                    all.field(key, &when["notValues"]);
                }
            }
        }
        all
    }

    fn fields(&mut self, message: &Value) {
        for (name, values) in message.as_object().into_iter().flatten() {
            self.field(name, values);
        }
    }

    fn field(&mut self, name: &str, values: &Value) {
        let stripped = name.strip_prefix("not").unwrap_or(name);
        let name = format!("{}{}", stripped[..1].to_lowercase(), &stripped[1..]);
        let place = match name.as_str() {
            "principals" | "source.principal" => "principal",
            "namespaces" | "source.namespace" => "namespace",
            "serviceAccounts" | "source.serviceAccount" => "account",
            "requestPrincipals" | "request.auth.principal" => "request principal",
            "ipBlocks" | "source.ip" => "peer",
            "remoteIpBlocks" | "remote.ip" => "remote",
            "destination.ip" => "local",
            "ports" | "destination.port" => "port",
            "hosts" => "host",
            "methods" => "method",
            "paths" => "path",
            "connection.sni" => "sni",
            "request.auth.audiences" => "aud",
            "request.auth.presenter" => "azp",
            "request.auth.claims[iss]" => "iss",
            name if name.starts_with("request.auth.claims") => "nested",
            name if name.starts_with("request.headers") => "header",
            name if name.starts_with("experimental") => return,
            name => panic!("{name}"),
        };
        let own = self.0.entry(place).or_default();
        for value in values.as_array().into_iter().flatten() {
            variants(place, value.as_str().unwrap(), own);
        }
        own.sort();
        own.dedup();
    }

    fn pick(&self, place: &str, random: &mut Random) -> Option<String> {
        let own = self.0.get(place)?;
        // One in eight requests has nothing there.
        let at = random.below(own.len() + own.len() / 8 + 1);
        own.get(at).cloned()
    }
}

/// Adds texts that fit a value, and some that nearly do.
fn variants(place: &str, value: &str, all: &mut Vec<String>) {
    let base = value
        .trim_matches('*')
        .replace("{**}", "a/b")
        .replace("{*}", "x");
    match place {
        "peer" | "remote" | "local" => {
            let address = value.split('/').next().unwrap();
            let (start, _) = address.rsplit_once('.').unwrap();
            all.extend([
                address.to_owned(),
                format!("{start}.77"),
                "203.0.113.7".to_owned(),
            ]);
        }
        "port" => all.extend([value.to_owned(), "1".to_owned()]),
        _ => {
            // Of `*` nothing is left, which is no method, and no identity.
            all.extend(Some(base.clone()).filter(|base| !base.is_empty()));
            all.extend([format!("{base}-x"), format!("x{base}")]);
            if base.starts_with('/') {
                all.push(format!("{base}/x"));
            }
            if place == "host" {
                all.extend([base.to_uppercase(), format!("{base}:80")]);
            }
        }
    }
}

/// A generator whose sequence is always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// Draws a request; its normal path stands beside it.
fn draw(candidates: &Candidates, random: &mut Random) -> (Caller, String) {
    let mut pick = |place| candidates.pick(place, random);
    let principal = match (pick("principal"), pick("namespace"), pick("account")) {
        (Some(principal), None, None) => Some(principal),
        (_, Some(namespace), None) => Some(format!("cluster.local/ns/{namespace}/sa/a")),
        (_, None, Some(account)) => {
            let (namespace, account) = account.split_once('/').unwrap_or(("foo", &account));
            Some(format!("td/ns/{namespace}/sa/{account}"))
        }
        (Some(principal), Some(namespace), Some(_)) => {
            Some(format!("{principal}/ns/{namespace}/sa/x"))
        }
        (None, ..) => None,
    };
    let [request_principal, issuer] = [pick("request principal"), pick("iss")];
    let mut claims = json!({});
    if let Some(text) = request_principal {
        let (issuer, subject) = text.rsplit_once('/').unwrap_or((&text, ""));
        claims["iss"] = issuer.into();
        claims["sub"] = subject.into();
    }
    if let Some(issuer) = issuer {
        claims["iss"] = issuer.into();
        claims["sub"] = "someone".into();
    }
    for (claim, place) in [("aud", "aud"), ("azp", "azp")] {
        if let Some(text) = pick(place) {
            claims[claim] = text.into();
        }
    }
    if let Some(text) = pick("nested") {
        claims["nested1"] = json!({ "nested2": ["other", text.clone()] });
        claims["realm"] = json!({ "roles": text });
    }
    let (peer, remote) = (pick("peer"), pick("remote"));
    let local_ip = pick("local").unwrap_or_else(|| "10.0.0.1".to_owned());
    let port = pick("port").unwrap_or_else(|| "8080".to_owned());
    let path = pick("path").filter(|path| path.starts_with('/'));
    let path = path.unwrap_or_else(|| "/".to_owned());
    let mut headers: Vec<_> = pick("header")
        .into_iter()
        .flat_map(|value| ["x-header", "x-tier"].map(|name| (name.to_owned(), value.clone())))
        .collect();
    headers.extend(
        remote.map(|remote| ("x-forwarded-for".to_owned(), format!("192.0.2.1, {remote}"))),
    );
    let caller = Caller {
        headers,
        host: pick("host").unwrap_or_else(|| "httpbin.foo".to_owned()),
        local: format!("{local_ip}:{port}").parse().unwrap(),
        method: pick("method").unwrap_or_else(|| "GET".to_owned()),
        peer: peer.map_or_else(|| [10, 0, 0, 9].into(), |peer| peer.parse().unwrap()),
        principal: principal.filter(|principal| !principal.starts_with('/')),
        server_name: pick("sni"),
        claims: None,
        path: String::new(),
    };
    let is_empty = claims.as_object().unwrap().is_empty();
    let sent = match random.below(6) {
        0 => format!("{path}?a=/b"),
        1 => format!("/a/..{path}"),
        2 => format!("/.{path}"),
        3 if path.len() > 1 && path.as_bytes()[1].is_ascii_alphabetic() => {
            format!("/%{:x}{}", path.as_bytes()[1], &path[2..])
        }
        _ => path.clone(),
    };
    let caller = Caller {
        claims: (!is_empty).then_some(claims),
        path: sent,
        ..caller
    };
    (caller, path)
}

/// Compares decisions about random requests; returns the numbers of allowed and of denied ones.
async fn compare(name: &str, documents: &str, filters: &[Value], samples: usize) -> [usize; 2] {
    let parsed: Vec<_> = documents
        .split("\n---")
        .filter(|document| !document.trim().is_empty())
        .map(parse)
        .collect();
    let workload = workload(name, documents);
    let candidates = Candidates::of(&parsed);
    let mut random = Random(7);
    let mut counts = [0; 2];
    for _ in 0..samples {
        let (caller, path) = draw(&candidates, &mut random);
        let path = path.as_str();
        let expected = rbac::is_allowed(
            filters,
            Seen {
                caller: &caller,
                path,
            },
        );
        let allowed = is_allowed(&workload, &caller).await;
        assert_eq!(allowed, expected, "{name}: {caller:?}");
        counts[usize::from(!allowed)] += 1;
    }
    counts
}

/// The fields of the full rule, in the order in which its filter has them, each wanted and excluded.
const PERMISSIONS: [&str; 8] = [
    "to.hosts",
    "to.methods",
    "to.paths",
    "to.ports",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "experimental.envoy.filters.a.b[c]",
];
const PRINCIPALS: [&str; 15] = [
    "from.principals",
    "from.requestPrincipals",
    "from.namespaces",
    "from.remoteIpBlocks",
    "from.ipBlocks",
    "request.headers[X-header]",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[iss]",
    "request.auth.claims[nested1][nested2]",
];

/// Returns a rule with one field of another, and nothing else; `*` would hide the other values.
fn only(rule: &Value, field: &str, is_excluded: bool) -> Value {
    let values = |message: &Value, name: &str| {
        let name = if is_excluded {
            format!("not{}{}", name[..1].to_uppercase(), &name[1..])
        } else {
            name.to_owned()
        };
        (name.clone(), message[&name].clone())
    };
    match field.split_once('.') {
        Some(("from", name)) => {
            let (name, values) = values(&rule["from"][0]["source"], name);
            json!({"from": [{"source": {name: values}}]})
        }
        Some(("to", name)) => {
            let (name, values) = values(&rule["to"][0]["operation"], name);
            json!({"to": [{"operation": {name: values}}]})
        }
        _ => {
            let when = rule["when"].as_array().unwrap();
            let when = when.iter().find(|when| when["key"] == field).unwrap();
            let (name, values) = values(when, "values");
            json!({"when": [{"key": field, name: values}]})
        }
    }
}

/// Compares each field of the full rule by itself, wanted and excluded, under both actions.
async fn compare_fields(document: &Value, filter: &Value) -> [usize; 2] {
    let rule = &document["spec"]["rules"][1];
    let policies = &filter["typedConfig"]["rules"]["policies"];
    let policy = &policies["ns[foo]-policy[httpbin-1]-rule[1]"];
    let permissions = &policy["permissions"][0]["andRules"]["rules"];
    let principals = &policy["principals"][0]["andIds"]["ids"];
    let mut counts = [0; 2];
    let permission_fields = PERMISSIONS.iter().map(|field| (true, *field));
    let principal_fields = PRINCIPALS.iter().map(|field| (false, *field));
    for (is_permission, field) in permission_fields.chain(principal_fields) {
        let fields: &[&str] = if is_permission {
            &PERMISSIONS
        } else {
            &PRINCIPALS
        };
        let place = fields.iter().position(|own| *own == field).unwrap();
        for is_excluded in [false, true] {
            let at = 2 * place + usize::from(is_excluded);
            let any = json!([{"any": true}]);
            let own = |list: &Value| json!([list[at].clone()]);
            for action in ["ALLOW", "DENY"] {
                let policy = if is_permission {
                    json!({"permissions": own(permissions), "principals": any})
                } else {
                    json!({"permissions": any, "principals": own(principals)})
                };
                let rules = json!({"action": action, "policies": {"p": policy}});
                let filter = json!({"typedConfig": {"rules": rules}});
                let rule = only(rule, field, is_excluded);
                let document = json!({
                    "apiVersion": "security.istio.io/v1",
                    "kind": "AuthorizationPolicy",
                    "metadata": {"name": "p", "namespace": "foo"},
                    "spec": {"action": action, "rules": [rule]},
                });
                let name = format!("{field} {is_excluded} {action}");
                let [allowed, denied] =
                    compare(&name, &document.to_string(), &[filter], SAMPLES / 2).await;
                counts[0] += allowed;
                counts[1] += denied;
            }
        }
    }
    counts
}

#[tokio::test]
async fn a_document_decides_as_its_filter() {
    let filters = [parse(OUT)];
    let [allowed, denied] = compare("pair", IN, &filters, MANY).await;
    assert!(allowed > 40 && denied > 40, "{allowed} {denied}");
}

#[tokio::test]
async fn documents_of_istio_decide_as_the_filters_that_istio_makes_of_them() {
    let Ok(folder) = std::env::var("ISTIO_AUTHORIZATION_PAIRS") else {
        return;
    };
    let folder = Path::new(&folder);
    // The methods of some pairs have brackets, which no method of HTTP has.
    let sendable = |text: String| {
        text.replace("rule[0]-to[0]-method[0]", "first-method")
            .replace("rule[1]-to[0]-method[0]", "second-method")
    };
    let read = |name: String| fs::read_to_string(folder.join(name)).ok().map(sendable);
    let mut total = [0; 2];
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix("-in.yaml")?.to_owned()))
        .collect();
    names.sort();
    for name in names {
        let documents = read(format!("{name}-in.yaml")).unwrap();
        let numbered = (1..).map_while(|n| read(format!("{name}-out{n}.yaml")));
        let filters = read(format!("{name}-out.yaml")).into_iter().chain(numbered);
        let filters: Vec<_> = filters.map(|filter| parse(&filter)).collect();
        let mut counts = compare(&name, &documents, &filters, SAMPLES).await;
        if name == "allow-full-rule" {
            let [allowed, denied] = compare_fields(&parse(&documents), &filters[0]).await;
            counts = [counts[0] + allowed, counts[1] + denied];
        }
        println!(
            "{name}: {} allowed, {} denied, 0 different",
            counts[0], counts[1]
        );
        total = [total[0] + counts[0], total[1] + counts[1]];
    }
    println!(
        "{} decisions, {} of them allow",
        total[0] + total[1],
        total[0]
    );
    assert!(total[0] + total[1] >= 10_000);
}
