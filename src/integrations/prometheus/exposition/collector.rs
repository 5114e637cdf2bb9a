use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::clusters::Clusters;
use super::writer::{LabelSet, Writer};
use crate::integrations::prometheus::decisions::Sample;
use crate::integrations::prometheus::description;
use crate::integrations::prometheus::metrics::Shared;
use crate::integrations::prometheus::requests::labels::OF_MESSAGES;
use crate::integrations::prometheus::requests::series::{Labels, Series};

/// Collector of all metrics, for a registry of prometheus-client.
impl Collector for Shared {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer::new(encoder);
        let requests = self.requests.scrape();
        write_requests(&mut writer, &requests)?;
        let build = [("component", "proxy"), ("tag", env!("CARGO_PKG_VERSION"))];
        let build = build.map(|(name, value)| (name, Arc::from(value)));
        writer.numbers(&description::BUILD, [(LabelSet(&build), 1.0)])?;
        let attempts = self.attempts.scrape();
        write_attempts(&mut writer, &attempts)?;
        let decisions = self.decisions.scrape();
        write_decisions(&mut writer, &decisions)?;
        #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
        writer.numbers(
            &description::OVERFLOW,
            [(LabelSet(&[]), self.overflowed() as f64)],
        )?;
        Clusters::of(&attempts, &decisions).write(&mut writer)?;
        self.write_state(&mut writer)
    }
}

impl Shared {
    fn write_state(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let mut samples: Vec<_> = self
            .states()
            .iter()
            .flat_map(|state| state.samples())
            .collect();
        // Those of several meshes are one metric, which is described once and has each set of labels once.
        samples.sort_by(|a, b| {
            let by_name = a.description.name.cmp(b.description.name);
            by_name.then_with(|| a.labels.cmp(&b.labels))
        });
        samples.dedup_by(|a, b| a.description.name == b.description.name && a.labels == b.labels);
        for same in samples.chunk_by(|a, b| a.description.name == b.description.name) {
            let values = same.iter();
            let values = values.map(|sample| (LabelSet(&sample.labels), sample.value));
            writer.numbers(same[0].description, values)?;
        }
        Ok(())
    }
}

fn write_requests(writer: &mut Writer<'_>, all: &[Arc<Series>]) -> fmt::Result {
    let labelled = || all.iter().map(|series| (LabelSet(&series.labels), series));
    writer.counters_with_exemplars(
        &description::REQUESTS,
        labelled().map(|(labels, series)| (labels, series.duration.count(), series.exemplar())),
    )?;
    writer.histograms(
        &description::REQUEST_DURATION,
        labelled().map(|(labels, series)| (labels, &series.duration)),
    )?;
    writer.histograms(
        &description::REQUEST_BYTES,
        labelled().map(|(labels, series)| (labels, &series.request_bytes)),
    )?;
    writer.histograms(
        &description::RESPONSE_BYTES,
        labelled().map(|(labels, series)| (labels, &series.response_bytes)),
    )?;
    // They have fewer labels, so several series are one. Those are neighbours: the labels have an order.
    let messages = all.iter().map(|series| {
        let labels: Labels = series.labels.iter().take(OF_MESSAGES).cloned().collect();
        (labels, series.messages())
    });
    let messages: Vec<_> = messages.filter(|(_, count)| *count > 0).collect();
    let messages = messages.chunk_by(|(a, _), (b, _)| a == b);
    #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
    let messages = messages.map(|same| {
        let count: u64 = same.iter().map(|(_, count)| count).sum();
        (LabelSet(&same[0].0), count as f64)
    });
    writer.numbers(&description::RESPONSE_MESSAGES, messages)
}

fn write_attempts(writer: &mut Writer<'_>, all: &[Arc<Series>]) -> fmt::Result {
    let labelled = || all.iter().map(|series| (LabelSet(&series.labels), series));
    #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
    let counts = labelled().map(|(labels, series)| (labels, series.duration.count() as f64));
    writer.numbers(&description::ATTEMPTS, counts)?;
    writer.histograms(
        &description::ATTEMPT_DURATION,
        labelled().map(|(labels, series)| (labels, &series.duration)),
    )
}

fn write_decisions(writer: &mut Writer<'_>, all: &[Sample]) -> fmt::Result {
    for same in all.chunk_by(|a, b| a.description.name == b.description.name) {
        #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
        let values = same
            .iter()
            .map(|sample| (LabelSet(&sample.labels), sample.value as f64));
        writer.numbers(&same[0].description, values)?;
    }
    Ok(())
}
