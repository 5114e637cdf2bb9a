use std::borrow::Cow;

use super::header::{HeaderMatcher, Part, string};
use crate::foundation::http::query;
use crate::foundation::http::{ClientAddress, RequestHead};
use crate::foundation::matching::StringMatch;
use crate::istio::syntax::tree::{NodeId, Tree, Value};
use crate::istio::validation::either;

/// Rate limit action: the source of one descriptor entry.
#[derive(Clone, Debug)]
pub(super) struct DescriptorAction {
    pub(super) key: Box<str>,
    source: DescriptorSource,
}

#[derive(Clone, Debug)]
enum DescriptorSource {
    Address(ClientAddress),
    Part {
        part: Part,
        skip_if_absent: bool,
    },
    Query(Box<str>),
    /// A fixed value, if the request matches.
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

/// Error for a request without a descriptor value.
#[derive(Debug)]
pub(super) struct Missing;

impl DescriptorAction {
    pub(super) fn read(tree: &Tree, at: NodeId) -> Option<Self> {
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
        // Envoy's default is true.
        let expected = flag("expect_match", "expectMatch", true);
        let skip_if_absent = flag("skip_if_absent", "skipIfAbsent", false);
        let name = tree.key(written)?;
        let (key, source) = match name {
            "generic_key" | "genericKey" => {
                let always = DescriptorSource::When {
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
                    DescriptorSource::When {
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
                    DescriptorSource::When {
                        tests,
                        expected,
                        value: value()?,
                    },
                )
            }
            "query_parameters" | "queryParameters" => {
                let name = text("query_parameter_name", "queryParameterName")?;
                (key(name), DescriptorSource::Query(name.into()))
            }
            "remote_address" | "remoteAddress" => {
                // Envoy uses the whole address, without a prefix.
                let address = ClientAddress::peer().with_ipv6_prefix(128);
                ("remote_address".into(), DescriptorSource::Address(address))
            }
            "request_headers" | "requestHeaders" => {
                let part = Part::parse(text("header_name", "headerName")?)?;
                (
                    text("descriptor_key", "descriptorKey")?.into(),
                    DescriptorSource::Part {
                        part,
                        skip_if_absent,
                    },
                )
            }
            _ => return None,
        };
        Some(Self { key, source })
    }

    /// Returns the value of the entry; `None` if it is skipped.
    pub(super) fn entry<'a>(
        &'a self,
        head: RequestHead<'a>,
    ) -> Result<Option<Cow<'a, [u8]>>, Missing> {
        match &self.source {
            DescriptorSource::Address(address) => {
                let address = address.of(head).ok_or(Missing)?;
                Ok(Some(address.to_string().into_bytes().into()))
            }
            DescriptorSource::Part {
                part,
                skip_if_absent,
            } => match part.of(head) {
                None if *skip_if_absent => Ok(None),
                found => found.map(Some).ok_or(Missing),
            },
            DescriptorSource::Query(name) => {
                let found = head
                    .uri()
                    .query()
                    .and_then(|query| query::first(query, name));
                found
                    .map(|found| Some(found.as_bytes().into()))
                    .ok_or(Missing)
            }
            DescriptorSource::When {
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

fn parameter(tree: &Tree, at: NodeId) -> Option<Test> {
    let name = tree.text(tree.child(at, "name")?)?.into();
    let value = either(tree, at, "string_match", "stringMatch");
    let value = match value {
        Some(value) => Some(string(tree, value)?),
        None => None,
    };
    Some(Test::Query(name, value))
}
