//! Reader of scraped metrics.

use std::collections::BTreeMap;

/// Value of a scrape with its labels, without those that are empty: for Prometheus those are absent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) name: String,
    pub(crate) value: f64,
    /// Labels of its exemplar.
    pub(crate) exemplar: Option<String>,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads all values of a text; panics if a line is none of its format.
pub(crate) fn read(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(read_line).collect()
}

fn read_line(line: &str) -> Sample {
    let (line, exemplar) = match line.split_once(" # ") {
        Some((line, exemplar)) => (line, Some(exemplar.to_owned())),
        None => (line, None),
    };
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels = labels.strip_suffix('}').expect("the end of the labels");
    let mut all = BTreeMap::new();
    while let Some((name, rest)) = labels.split_once("=\"") {
        let (value, rest) = rest.split_once('"').expect("the end of a value");
        let name = name.trim_start_matches(',').to_owned();
        if !value.is_empty() {
            assert!(all.insert(name, value.to_owned()).is_none(), "{line}");
        }
        labels = rest;
    }
    Sample {
        labels: all,
        name: name.to_owned(),
        value: value.parse().expect("a number"),
        exemplar,
    }
}

/// Returns the values of a metric.
pub(crate) fn of<'a>(samples: &'a [Sample], name: &str) -> Vec<&'a Sample> {
    samples
        .iter()
        .filter(|sample| sample.name == name)
        .collect()
}

/// Returns the sum of the values of a metric whose labels are these.
pub(crate) fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let all = of(samples, name).into_iter();
    let all = all.filter(|sample| {
        labels
            .iter()
            .all(|(name, value)| sample.label(name) == *value)
    });
    all.map(|sample| sample.value).sum()
}

/// Returns the names of the labels of the first value of a metric, in their order and with those that are empty.
#[allow(dead_code, reason = "one of two test programs uses it")]
pub(crate) fn label_names(text: &str, name: &str) -> Vec<String> {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}{{")));
    let line = line.unwrap_or_default();
    assert!(!line.is_empty(), "no {name} in:\n{text}");
    let names = line.split("=\"").map(|part| {
        let start = part.rfind([',', '{']).map_or(0, |place| place + 1);
        part[start..].to_owned()
    });
    let mut names: Vec<_> = names.collect();
    // What follows the last value.
    names.pop();
    names
}
