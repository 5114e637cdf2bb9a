use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::foundation::identity::ClaimValue;

/// Reads a JSON object; none for another text, and for one in which an object has a name twice: programs differ about
/// which of the two counts, and Envoy refuses it, too.
pub(in crate::policies::jwt) fn object(text: &[u8]) -> Option<BTreeMap<Box<str>, ClaimValue>> {
    match serde_json::from_slice(text) {
        Ok(Unique(ClaimValue::Object(members))) => Some(members),
        _ => None,
    }
}

/// A value without names that occur twice.
struct Unique(ClaimValue);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = ClaimValue;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Bool(value))
    }

    // Envoy keeps numbers as doubles, too.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double is what Envoy compares"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Number(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a double is what Envoy compares"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Text(text.into()))
    }

    fn visit_unit<E>(self) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ClaimValue, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(ClaimValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<ClaimValue, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, Unique(value))) = members.next_entry::<Box<str>, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(ClaimValue::Object(object))
    }
}

/// Writes a list or an object of claims as JSON without blanks.
pub(in crate::policies::jwt) fn write(value: &ClaimValue, out: &mut String) {
    match value {
        ClaimValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ClaimValue::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        ClaimValue::Null => out.push_str("null"),
        ClaimValue::Number(number) => out.push_str(&number_text(*number)),
        ClaimValue::Object(members) => {
            out.push('{');
            for (place, (name, item)) in members.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                text(name, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        ClaimValue::Text(value) => text(value, out),
    }
}

fn text(value: &str, out: &mut String) {
    // The text of a string cannot fail to be JSON.
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}

/// Writes a whole number without a fraction, as protobuf does.
fn number_text(number: f64) -> String {
    let text = serde_json::to_string(&number).unwrap_or_default();
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
