//! Constraints that are declared with the fields: of Kubernetes' schemas, and of `istioctl validate`.

use std::time::Duration;

use crate::foundation::time::duration;
use crate::istio::api::fields::descriptor::declaration::{Advice, Support, Values, is_default};
use crate::istio::api::fields::descriptor::{FieldDescriptor, TypeDescriptor, each_message};
use crate::istio::api::fields::read::camel;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Checks the fields of a message, and of those in it.
pub(in crate::istio) fn fields(
    of: &'static TypeDescriptor,
    at: NodeId,
    tree: &Tree,
    findings: &mut Findings,
) {
    each_message(tree, at, of, &mut |message, of| {
        for field in of.fields {
            check(field, message, tree, findings);
        }
        true
    });
}

fn check(field: &FieldDescriptor, message: NodeId, tree: &Tree, findings: &mut Findings) {
    let declaration = &field.declaration;
    let at = field.find(tree, message);
    if let Some(advice) = declaration.required
        && at.is_none_or(|at| is_missing(tree.value(at)))
    {
        let finding = Finding::rejected(message).at_key();
        let finding = finding.missing(camel(field.name)).message(advice.message);
        return findings.push(finding.help(advice.help));
    }
    let Some(at) = at else { return };
    if let Support::Rejected(advice) = declaration.support {
        reject(at, advice, findings);
    }
    if let Some(warning) = declaration.warning {
        findings.push(
            Finding::warning(Code::SchemaWarning, FieldDescriptor::first(tree, at))
                .message(warning.message)
                .effect(warning.effect)
                .in_istio("`istioctl validate` warns of it too")
                .help(warning.help),
        );
    }
    if let Some(size) = declaration.size {
        bound(at, size.least, size.most, tree, findings);
    }
    for item in field.values(tree, &at) {
        if let Some(most) = declaration.max_item {
            bound(*item, 0, most, tree, findings);
        }
        value(*item, declaration.values, tree, findings);
    }
}

/// Says whether nothing is written; 0 is a number that has its own check.
fn is_missing(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Text(_)) && is_default(value)
}

fn reject(at: NodeId, advice: Advice, findings: &mut Findings) {
    let finding = Finding::rejected(at).message(advice.message);
    findings.push(finding.help(advice.help));
}

/// Checks a size that Kubernetes limits.
fn bound(at: NodeId, least: usize, most: usize, tree: &Tree, findings: &mut Findings) {
    let (size, parts) = match tree.value(at) {
        Value::List(items) => (items.len(), "items"),
        Value::Map(entries) => (entries.len(), "entries"),
        Value::Text(text) => (text.chars().count(), "characters"),
        _ => return,
    };
    if (least..=most).contains(&size) {
        return;
    }
    let message = format!("there are {size} {parts}, where Kubernetes takes {least} to {most}");
    findings.push(
        Finding::rejected(at)
            .at_key()
            .message(message)
            .in_istio("Kubernetes refuses it")
            .help("split the object, or shorten it"),
    );
}

/// Checks a value of the right type; another one was reported by the reader.
fn value(at: NodeId, values: Values, tree: &Tree, findings: &mut Findings) {
    #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
    let number = match tree.value(at) {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        _ => None,
    };
    let time = || duration::parse(tree.text(at)?).ok();
    match values {
        Values::Any => {}
        Values::Port | Values::PortOrZero => {
            let is_zero = matches!(values, Values::PortOrZero) && number == Some(0.0);
            if let Some(number) = number.filter(|_| !is_zero)
                && !(1.0..=65_535.0).contains(&number)
            {
                let finding = Finding::rejected(at).message(format!("{number} is no port"));
                findings.push(finding.help("write a port from 1 to 65535"));
            }
        }
        Values::Range(least, most, advice) => {
            if number.is_some_and(|number| !(least..=most).contains(&number)) {
                reject(at, advice, findings);
            }
        }
        Values::Time => {
            if let Some(advice) = time().and_then(no_time) {
                reject(at, advice, findings);
            }
        }
        Values::TimeOrZero => {
            // Istio looks at whole milliseconds.
            let time = time().filter(|time| time.as_millis() > 0);
            if let Some(advice) = time.and_then(no_time) {
                reject(at, advice, findings);
            }
        }
    }
}

fn no_time(time: Duration) -> Option<Advice> {
    if time < Duration::from_millis(1) {
        return Some(Advice {
            message: "the duration is shorter than 1ms",
            help: "write 1ms or more",
        });
    }
    (!time.subsec_nanos().is_multiple_of(1_000_000)).then_some(Advice {
        message: "the duration is no whole number of milliseconds",
        help: "round it to milliseconds",
    })
}
