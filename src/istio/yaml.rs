//! The only place that knows the YAML parser.

use std::cell::Cell;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use super::tree::{At, Mark, Step, Tree, Value};

/// How deep lists and maps may nest. Istio's own go 20 deep.
const MAX_DEPTH: usize = 64;
/// How many values one document may have, those that aliases repeat included.
const MAX_VALUES: usize = 100_000;
/// What one value costs of the memory that a load may take, its text not counted.
const VALUE_COST: usize = 64;

thread_local! {
    /// What is left of the budget. The parser's own limits do not see how often an alias repeats a long text,
    /// and serde hands no state to a `Deserialize`; it is set and read within one call of `parse`.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Why a document could not be read, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) mark: Mark,
    pub(super) reason: String,
    pub(super) too_large: bool,
}

/// Reads the documents of `text`, which has no `---` line but its first; `budget` is reduced by what they take.
pub(super) fn parse(text: &str, budget: &mut usize) -> Result<Vec<Tree>, Unreadable> {
    LEFT.set(*budget);
    let read = serde_saphyr::from_multiple_with_options::<Option<Raw>>(text, options());
    let left = LEFT.get();
    *budget = left;
    match read {
        Ok(documents) => Ok(documents.into_iter().flatten().map(Raw::plant).collect()),
        Err(error) => {
            let reason = reason(&error);
            // A limit that is met inside an alias comes wrapped in a text.
            let is_limit = is_limit(&error) || reason.starts_with("budget breached");
            Err(Unreadable {
                mark: error.location().map(mark).unwrap_or_default(),
                reason,
                too_large: left == 0 || is_limit,
            })
        }
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 64,
            max_events: 4 * MAX_VALUES,
            max_nodes: MAX_VALUES,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MAX_VALUES,
            max_recorded_anchor_bytes: 4 << 20,
            max_merge_keys: 1_000,
            flow_nesting_limit: MAX_DEPTH,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_VALUES,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // `on` and `yes` are booleans to Kubernetes, which reads YAML 1.1.
        strict_booleans: false,
        with_snippet: false,
    }
}

/// Says whether one of the limits was met.
fn is_limit(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    matches!(
        error.without_snippet(),
        Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::Budget { .. }
    )
}

/// The first line of what the parser says, without the place that is shown by us.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line
        .split_once(" at line ")
        .map_or(line, |(before, _)| before);
    line.trim_start_matches("error: ")
        .chars()
        .take(300)
        .collect()
}

fn mark(location: Location) -> Mark {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Mark {
        line: number(location.line()),
        column: number(location.column()),
        len: u32::try_from(location.span().len()).unwrap_or(1).max(1),
    }
}

/// A value as the parser hands it out.
struct Raw {
    mark: Mark,
    value: RawValue,
}

enum RawValue {
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
    Scalar(Value),
}

impl Raw {
    fn plant(self) -> Tree {
        let mut tree = Tree::new();
        let root = tree.add(None, Step::Root, self.mark);
        self.value.grow(&mut tree, root);
        tree
    }
}

impl RawValue {
    /// The depth is limited by the parser.
    fn grow(self, tree: &mut Tree, at: At) {
        let value = match self {
            Self::Scalar(value) => value,
            Self::List(items) => Value::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let child = tree.add(Some(at), Step::Index(index), item.mark);
                        item.value.grow(tree, child);
                        child
                    })
                    .collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, item)| {
                        let step = Step::Key(key.value.into(), mark(key.referenced));
                        let child = tree.add(Some(at), step, item.mark);
                        item.value.grow(tree, child);
                        child
                    })
                    .collect(),
            ),
        };
        tree.set(at, value);
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<RawValue>::deserialize(deserializer)?;
        Ok(Self {
            mark: mark(spanned.referenced),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl RawVisitor {
    fn pay<E: serde::de::Error>(text: usize) -> Result<(), E> {
        let left = LEFT.get().saturating_sub(VALUE_COST + text);
        LEFT.set(left);
        if left == 0 {
            return Err(E::custom("there is more of it than a load may take"));
        }
        Ok(())
    }

    fn scalar<E: serde::de::Error>(value: Value) -> Result<RawValue, E> {
        Self::pay(0)?;
        Ok(RawValue::Scalar(value))
    }
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<RawValue, E> {
        Self::scalar(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<RawValue, E> {
        Self::scalar(Value::Int(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<RawValue, E> {
        Self::scalar(Value::Int(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<RawValue, E> {
        Self::scalar(Value::Int(value))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<RawValue, E> {
        Self::scalar(Value::Int(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<RawValue, E> {
        Self::scalar(Value::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<RawValue, E> {
        Self::pay(value.len())?;
        Ok(RawValue::Scalar(Value::Text(value.into())))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<RawValue, E> {
        Self::scalar(Value::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<RawValue, E> {
        Self::scalar(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        Self::pay(0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        Self::pay(0)?;
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            Self::pay::<A::Error>(key.value.len())?;
            map.push((key, entries.next_value()?));
        }
        Ok(RawValue::Map(map))
    }
}
