use std::borrow::Cow;

use super::header::{HeaderMatcher, Part, either, string};
use crate::base::{StringMatch, query};
use crate::istio::tree::{At, Tree, Value};
use crate::{ClientAddress, RequestHead};

/// One of a route's `rate_limits`: what makes a descriptor of a request.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    actions: Vec<Action>,
    pub(super) stage: u32,
}

/// What makes one entry of a descriptor.
#[derive(Clone, Debug)]
struct Action {
    key: Box<str>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Address(ClientAddress),
    Part {
        part: Part,
        skip_if_absent: bool,
    },
    Query(Box<str>),
    /// A fixed value, if the request looks so.
    When {
        tests: Vec<Test>,
        expected: bool,
        value: Box<str>,
    },
}

#[derive(Clone, Debug)]
enum Test {
    Header(HeaderMatcher),
    Query(Box<str>, Option<StringMatch>),
}

/// An entry of a descriptor: a key, and its value unless every value has a bucket of its own.
pub(super) type Wanted = (Box<str>, Option<Box<str>>);

/// Reads `rate_limits`; what is not known makes no descriptor, and its place and name are told.
pub(crate) fn read_actions(tree: &Tree, at: At, unknown: &mut Vec<(At, String)>) -> Vec<Actions> {
    let mut all = Vec::new();
    for limit in tree.items(at) {
        let stage = match tree.child(*limit, "stage").map(|at| tree.value(at)) {
            Some(Value::Int(stage)) => u32::try_from(*stage).unwrap_or(0),
            _ => 0,
        };
        let written = tree
            .child(*limit, "actions")
            .map_or(&[][..], |at| tree.items(at));
        let before = unknown.len();
        let actions: Vec<_> = written
            .iter()
            .filter_map(|at| {
                let action = Action::read(tree, *at);
                if action.is_none() {
                    let name = tree.items(*at).first().and_then(|at| tree.key(*at));
                    unknown.push((*at, name.unwrap_or("nothing").to_owned()));
                }
                action
            })
            .collect();
        // Without one of its entries it would be another descriptor.
        if unknown.len() == before && !actions.is_empty() {
            all.push(Actions { actions, stage });
        }
    }
    all
}

impl Actions {
    /// Says whether these make a descriptor of the request that looks so.
    pub(super) fn makes(&self, wanted: &[Wanted], head: RequestHead<'_>) -> bool {
        let mut left = wanted.iter();
        for action in &self.actions {
            let Ok(made) = action.entry(head) else {
                return false;
            };
            let Some(made) = made else { continue };
            let fits = left.next().is_some_and(|(key, value)| {
                **key == *action.key
                    && value
                        .as_deref()
                        .is_none_or(|value| value.as_bytes() == &*made)
            });
            if !fits {
                return false;
            }
        }
        left.next().is_none()
    }

    /// Returns the values of the entries.
    pub(super) fn values(&self, head: RequestHead<'_>) -> Vec<Vec<u8>> {
        let entries = self
            .actions
            .iter()
            .filter_map(|action| action.entry(head).ok()?);
        entries.map(Cow::into_owned).collect()
    }
}

/// A request of which no descriptor can be made.
#[derive(Debug)]
struct Missing;

impl Action {
    fn read(tree: &Tree, at: At) -> Option<Self> {
        let written = *tree.items(at).first()?;
        let text = |snake, camel| {
            let found = either(tree, written, snake, camel)?;
            tree.text(found).filter(|text| !text.is_empty())
        };
        let key = |default: &str| {
            text("descriptor_key", "descriptorKey")
                .unwrap_or(default)
                .into()
        };
        let value = || text("descriptor_value", "descriptorValue").map(Into::into);
        let flag = |snake, camel, default| match either(tree, written, snake, camel) {
            Some(at) => matches!(tree.value(at), Value::Bool(true)),
            None => default,
        };
        let expected = flag("expect_match", "expectMatch", true);
        let skip_if_absent = flag("skip_if_absent", "skipIfAbsent", false);
        let name = tree.key(written)?;
        let (key, source) = match name {
            "generic_key" | "genericKey" => {
                let always = Source::When {
                    tests: Vec::new(),
                    expected: true,
                    value: value()?,
                };
                (key("generic_key"), always)
            }
            "header_value_match" | "headerValueMatch" => {
                let tests = tree.items(tree.child(written, "headers")?).iter();
                let tests = tests.map(|at| HeaderMatcher::read(tree, *at).map(Test::Header));
                let tests = tests.collect::<Option<_>>()?;
                (
                    key("header_match"),
                    Source::When {
                        tests,
                        expected,
                        value: value()?,
                    },
                )
            }
            "query_parameter_value_match" | "queryParameterValueMatch" => {
                let tests = either(tree, written, "query_parameters", "queryParameters")?;
                let tests = tree.items(tests).iter().map(|at| parameter(tree, *at));
                let tests = tests.collect::<Option<_>>()?;
                (
                    key("query_match"),
                    Source::When {
                        tests,
                        expected,
                        value: value()?,
                    },
                )
            }
            "query_parameters" | "queryParameters" => {
                let name = text("query_parameter_name", "queryParameterName")?;
                (key(name), Source::Query(name.into()))
            }
            "remote_address" | "remoteAddress" => {
                // Envoy tells addresses of one network apart.
                let address = ClientAddress::peer().with_ipv6_prefix(128);
                ("remote_address".into(), Source::Address(address))
            }
            "request_headers" | "requestHeaders" => {
                let part = Part::parse(text("header_name", "headerName")?)?;
                (
                    text("descriptor_key", "descriptorKey")?.into(),
                    Source::Part {
                        part,
                        skip_if_absent,
                    },
                )
            }
            _ => return None,
        };
        Some(Self { key, source })
    }

    /// Returns the value of the entry; nothing if the descriptor goes without it.
    fn entry<'a>(&'a self, head: RequestHead<'a>) -> Result<Option<Cow<'a, [u8]>>, Missing> {
        match &self.source {
            Source::Address(address) => {
                let address = address.of(head).ok_or(Missing)?;
                Ok(Some(address.to_string().into_bytes().into()))
            }
            Source::Part {
                part,
                skip_if_absent,
            } => match part.of(head) {
                None if *skip_if_absent => Ok(None),
                found => found.map(Some).ok_or(Missing),
            },
            Source::Query(name) => {
                let found = head
                    .uri()
                    .query()
                    .and_then(|query| query::first(query, name));
                found
                    .map(|found| Some(found.as_bytes().into()))
                    .ok_or(Missing)
            }
            Source::When {
                tests,
                expected,
                value,
            } => {
                let holds = tests.iter().all(|test| test.holds(head));
                (holds == *expected)
                    .then(|| Some(value.as_bytes().into()))
                    .ok_or(Missing)
            }
        }
    }
}

impl Test {
    fn holds(&self, head: RequestHead<'_>) -> bool {
        match self {
            Self::Header(header) => header.matches(head),
            Self::Query(name, wanted) => {
                let found = head
                    .uri()
                    .query()
                    .and_then(|query| query::first(query, name));
                found
                    .is_some_and(|found| wanted.as_ref().is_none_or(|wanted| wanted.matches(found)))
            }
        }
    }
}

fn parameter(tree: &Tree, at: At) -> Option<Test> {
    let name = tree.text(tree.child(at, "name")?)?.into();
    let value = either(tree, at, "string_match", "stringMatch");
    let value = match value {
        Some(value) => Some(string(tree, value)?),
        None => None,
    };
    Some(Test::Query(name, value))
}
