//! Envoy's statistics of clusters, made of the attempts and the ejections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::writer::{LabelSet, Writer};
use crate::integrations::prometheus::decisions::Sample;
use crate::integrations::prometheus::description::{self, Description};
use crate::integrations::prometheus::requests::Histogram;
use crate::integrations::prometheus::requests::series::{Labels, Series};

/// Statistics of one cluster.
#[derive(Debug, Default)]
struct Cluster {
    by_code: BTreeMap<u16, u64>,
    ejected: i64,
    ejections: i64,
    overflows: u64,
    retries: u64,
    time: Histogram,
    timeouts: u64,
}

/// Statistics of all clusters, by Envoy's names.
#[derive(Debug, Default)]
pub(in crate::integrations::prometheus) struct Clusters(BTreeMap<Arc<str>, Cluster>);

const CLUSTER: &str = "envoy_cluster_name";

impl Clusters {
    pub(super) fn of(attempts: &[Arc<Series>], decisions: &[Sample]) -> Self {
        let mut clusters = Self::default();
        for series in attempts {
            if let Some(name) = &series.cluster {
                clusters.0.entry(Arc::clone(name)).or_default().add(series);
            }
        }
        for sample in decisions {
            let name = value_of(&sample.labels, "cluster_name").filter(|name| !name.is_empty());
            let Some(name) = name else { continue };
            let is = |description: &Description| sample.description.name == description.name;
            if is(&description::EJECTED) {
                clusters.0.entry(Arc::clone(name)).or_default().ejected += sample.value;
            } else if is(&description::EJECTIONS) {
                clusters.0.entry(Arc::clone(name)).or_default().ejections += sample.value;
            }
        }
        clusters
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        self.numbers(writer, &description::CLUSTER_RQ_TOTAL, |cluster| {
            vec![(None, cluster.by_code.values().sum())]
        })?;
        self.numbers(writer, &description::CLUSTER_RQ, |cluster| {
            let answered = cluster.by_code.iter().filter(|(code, _)| **code > 0);
            let labels = |code: &u16| Some(("envoy_response_code", Arc::from(code.to_string())));
            answered
                .map(|(code, count)| (labels(code), *count))
                .collect()
        })?;
        self.numbers(writer, &description::CLUSTER_RQ_XX, |cluster| {
            let mut classes: BTreeMap<u16, u64> = BTreeMap::new();
            for (code, count) in cluster.by_code.iter().filter(|(code, _)| **code > 0) {
                *classes.entry(code / 100).or_default() += count;
            }
            let labels =
                |class: u16| Some(("envoy_response_code_class", Arc::from(class.to_string())));
            classes
                .into_iter()
                .map(|(class, count)| (labels(class), count))
                .collect()
        })?;
        let number =
            |read: fn(&Cluster) -> u64| move |cluster: &Cluster| vec![(None, read(cluster))];
        self.numbers(
            writer,
            &description::CLUSTER_RQ_RETRY,
            number(|cluster| cluster.retries),
        )?;
        self.numbers(
            writer,
            &description::CLUSTER_RQ_TIMEOUT,
            number(|cluster| cluster.timeouts),
        )?;
        self.numbers(
            writer,
            &description::CLUSTER_RQ_OVERFLOW,
            number(|cluster| cluster.overflows),
        )?;
        let ejections = number(|cluster| cluster.ejections.unsigned_abs());
        self.numbers(writer, &description::CLUSTER_EJECTIONS, ejections)?;
        let ejected = number(|cluster| u64::try_from(cluster.ejected).unwrap_or_default());
        self.numbers(writer, &description::CLUSTER_EJECTIONS_ACTIVE, ejected)?;
        let labels: Vec<_> = self
            .0
            .keys()
            .map(|name| [(CLUSTER, Arc::clone(name))])
            .collect();
        let times = labels.iter().zip(self.0.values());
        let times = times.map(|(labels, cluster)| (LabelSet(labels), &cluster.time));
        writer.histograms(&description::CLUSTER_RQ_TIME, times)
    }

    /// Writes a metric of all clusters; `read` returns the values of one, with a label beside its name.
    fn numbers(
        &self,
        writer: &mut Writer<'_>,
        description: &Description,
        read: impl Fn(&Cluster) -> Vec<(Option<(&'static str, Arc<str>)>, u64)>,
    ) -> fmt::Result {
        let all = self.0.iter().flat_map(|(name, cluster)| {
            let values = read(cluster).into_iter();
            values.map(move |(label, value)| {
                let labels: Vec<_> = label
                    .into_iter()
                    .chain([(CLUSTER, Arc::clone(name))])
                    .collect();
                (labels, value)
            })
        });
        let all: Vec<_> = all.collect();
        #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
        let values = all
            .iter()
            .map(|(labels, value)| (LabelSet(labels), *value as f64));
        writer.numbers(description, values)
    }
}

impl Cluster {
    fn add(&mut self, series: &Series) {
        let count = series.duration.count();
        let is =
            |name, value| value_of(&series.labels, name).is_some_and(|found| &**found == value);
        if is("outcome", "rejected") {
            // Such an attempt was not sent.
            if is("reason", "concurrency_limit") || is("reason", "pool") {
                self.overflows += count;
            }
            return;
        }
        *self.by_code.entry(series.code).or_default() += count;
        self.time.add(&series.duration);
        if is("retry", "true") {
            self.retries += count;
        }
        if is("reason", "timeout") {
            self.timeouts += count;
        }
    }
}

fn value_of<'a>(labels: &'a Labels, name: &str) -> Option<&'a Arc<str>> {
    let mut labels = labels.iter();
    labels
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}
