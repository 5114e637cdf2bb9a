//! Constraint and coverage of a field.

use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Declaration of a field, beyond its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration {
    pub(crate) support: Support,
    /// Finding about a value that has no effect.
    pub(crate) report: Option<Report>,
    /// Finding about a field that must be there.
    pub(crate) required: Option<Advice>,
    /// Finding about a field that Istio takes with a warning.
    pub(crate) warning: Option<Warning>,
    /// Number of items, entries or characters.
    pub(crate) size: Option<Size>,
    /// Maximum number of characters of each item or entry.
    pub(crate) max_item: Option<usize>,
    /// Constraint on the value, or on each of a list or map.
    pub(crate) values: Values,
}

/// Support of a field, for the table of the documentation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Support {
    /// The field is reported by the finding about this one beside it.
    By(&'static str),
    /// The field has its effect; with a remark, if any.
    Enforced(&'static str),
    /// The field has no effect, and is reported.
    None,
    /// A document with this field is rejected, as in Istio.
    Rejected(Advice),
    /// The field needs no enforcement, for this reason.
    Void(&'static str),
}

/// Finding about a field without effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) effect: &'static str,
    /// Remedy; `None` for a note, since requests go as they would with the field.
    pub(crate) help: Option<&'static str>,
    /// Name of the field in the message, if not its own.
    pub(crate) name: Option<&'static str>,
    pub(crate) when: When,
    /// True if it stands for the findings about the fields beside it.
    pub(crate) is_for_all: bool,
}

/// Condition of a finding about a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// One of these values.
    Is(&'static [&'static str]),
    /// A value that differs from its default in protobuf, and from this one.
    Not(&'static str),
    /// A text with this property.
    Text(fn(&str) -> bool),
}

/// Message and remedy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Advice {
    pub(crate) message: &'static str,
    pub(crate) help: &'static str,
}

/// Message, effect and remedy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Warning {
    pub(crate) message: &'static str,
    pub(crate) effect: &'static str,
    pub(crate) help: &'static str,
}

/// Bounds of a size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Size {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

/// Constraint on a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    Any,
    /// A port from 1 to 65535.
    Port,
    /// A port, or 0 for none.
    PortOrZero,
    /// A number within bounds, both included.
    Range(f64, f64, Advice),
    /// A whole number of milliseconds, at least 1.
    Time,
    /// A whole number of milliseconds; less than 1 is none.
    TimeOrZero,
}

/// Declaration of a field that has its effect, as in Istio.
pub(crate) const ENFORCED: Declaration = Declaration {
    support: Support::Enforced(""),
    report: None,
    required: None,
    warning: None,
    size: None,
    max_item: None,
    values: Values::Any,
};
pub(crate) const PORT: Declaration = ENFORCED.with(Values::Port);
pub(crate) const PORT_OR_ZERO: Declaration = ENFORCED.with(Values::PortOrZero);
pub(crate) const TIME: Declaration = ENFORCED.with(Values::Time);
pub(crate) const PERCENT: Declaration = ENFORCED.percent();
/// Declaration of a limit that is a signed number.
pub(crate) const NOT_NEGATIVE: Declaration = ENFORCED.not_negative();

/// Declares that the field has its effect, with a remark for the documentation.
pub(crate) const fn enforced(remark: &'static str) -> Declaration {
    ENFORCED.support(Support::Enforced(remark))
}

/// Declares a field without which requests go as they do with it.
pub(crate) const fn note(effect: &'static str) -> Declaration {
    ENFORCED.support(Support::None).report(effect, None)
}

/// Declares a field without effect whose author counts on it.
pub(crate) const fn warn(effect: &'static str, help: &'static str) -> Declaration {
    ENFORCED.support(Support::None).report(effect, Some(help))
}

/// Declares that the field `name` beside it reports this one as well.
pub(crate) const fn by(name: &'static str) -> Declaration {
    ENFORCED.support(Support::By(name))
}

/// Declares a field that needs no enforcement.
pub(crate) const fn void(reason: &'static str) -> Declaration {
    ENFORCED.support(Support::Void(reason))
}

/// Declares a field that Istio rejects.
pub(crate) const fn rejected(message: &'static str, help: &'static str) -> Declaration {
    ENFORCED.support(Support::Rejected(Advice { message, help }))
}

pub(crate) const fn required(message: &'static str, help: &'static str) -> Declaration {
    ENFORCED.required(message, help)
}

/// Declares a maximum number of items, entries or characters.
pub(crate) const fn most(most: usize) -> Declaration {
    ENFORCED.size(0, most)
}

impl Declaration {
    const fn support(mut self, support: Support) -> Self {
        self.support = support;
        self
    }

    const fn report(mut self, effect: &'static str, help: Option<&'static str>) -> Self {
        self.report = Some(Report {
            effect,
            help,
            name: None,
            when: When::Not(""),
            is_for_all: false,
        });
        self
    }

    const fn with(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    const fn change(mut self, name: Option<&'static str>, when: When, is_for_all: bool) -> Self {
        if let Some(report) = &mut self.report {
            report.name = name;
            report.when = when;
            report.is_for_all = is_for_all;
        }
        self
    }

    /// Reports the field under another name, in place of those beside it.
    pub(crate) const fn for_all(self, name: &'static str) -> Self {
        self.change(Some(name), When::Not(""), true)
    }

    /// Restricts its finding.
    pub(crate) const fn when(self, when: When) -> Self {
        self.change(None, when, false)
    }

    /// Notes that these values have no effect.
    pub(crate) const fn note_if(self, when: When, effect: &'static str) -> Self {
        self.report(effect, None).when(when)
    }

    /// Warns that these values have no effect.
    pub(crate) const fn warn_if(
        self,
        when: When,
        effect: &'static str,
        help: &'static str,
    ) -> Self {
        self.report(effect, Some(help)).when(when)
    }

    /// Warns that these values have no effect, in place of the findings about the fields beside it.
    pub(crate) const fn warn_for_all_if(
        self,
        when: When,
        effect: &'static str,
        help: &'static str,
    ) -> Self {
        self.report(effect, Some(help)).change(None, when, true)
    }

    pub(crate) const fn required(mut self, message: &'static str, help: &'static str) -> Self {
        self.required = Some(Advice { message, help });
        self
    }

    pub(crate) const fn size(mut self, least: usize, most: usize) -> Self {
        self.size = Some(Size { least, most });
        self
    }

    pub(crate) const fn max_item(mut self, characters: usize) -> Self {
        self.max_item = Some(characters);
        self
    }

    pub(crate) const fn port(self) -> Self {
        self.with(Values::Port)
    }

    pub(crate) const fn time(self) -> Self {
        self.with(Values::Time)
    }

    pub(crate) const fn range(
        self,
        least: f64,
        most: f64,
        message: &'static str,
        help: &'static str,
    ) -> Self {
        self.with(Values::Range(least, most, Advice { message, help }))
    }

    pub(crate) const fn percent(self) -> Self {
        let message = "the percentage is not between 0 and 100";
        self.range(0.0, 100.0, message, "write 0 to 100")
    }

    pub(crate) const fn not_negative(self) -> Self {
        let help = "write 0 for no limit, or more";
        self.range(0.0, f64::MAX, "the number is negative", help)
    }

    /// Rejects a negative number with this message.
    pub(crate) const fn zero_or_more(self, message: &'static str) -> Self {
        self.range(0.0, f64::MAX, message, "write 0 or more")
    }

    pub(crate) const fn time_or_zero(self) -> Self {
        self.with(Values::TimeOrZero)
    }

    /// Warns of the field wherever it stands, as `istioctl validate` does.
    pub(crate) const fn warns(
        mut self,
        message: &'static str,
        effect: &'static str,
        help: &'static str,
    ) -> Self {
        self.warning = Some(Warning {
            message,
            effect,
            help,
        });
        self
    }
}

impl When {
    /// Says whether it holds for the value at a node.
    pub(in crate::istio) fn holds(self, tree: &Tree, at: NodeId) -> bool {
        let text = match tree.value(at) {
            Value::Bool(value) => value.to_string(),
            Value::Text(text) => text.to_string(),
            // Lists and objects have no one value; numbers are compared with their default only.
            value => return matches!(self, Self::Not(_)) && !is_default(value),
        };
        match self {
            Self::Is(values) => values.contains(&text.as_str()),
            Self::Not(value) => !is_default(tree.value(at)) && text != value,
            Self::Text(is_so) => is_so(&text),
        }
    }
}

/// Says whether a value is that of an absent field in protobuf. An empty object is not.
pub(in crate::istio) fn is_default(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Float(value) => *value == 0.0,
        Value::Int(value) => *value == 0,
        Value::List(items) => items.is_empty(),
        Value::Map(_) => false,
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
    }
}
