use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder,
    NoLabelSet,
};
use prometheus_client::metrics::exemplar::CounterWithExemplar;

use crate::integrations::prometheus::description::{Description, Kind};
use crate::integrations::prometheus::requests::Histogram;
use crate::integrations::prometheus::requests::series::Exemplar;

/// Writer of metrics through the encoder of prometheus-client.
pub(super) struct Writer<'a>(DescriptorEncoder<'a>);

/// Labels as the encoder takes them. One without a value is written too, as Istio's sidecars do.
pub(super) struct LabelSet<'a>(pub(super) &'a [(&'static str, Arc<str>)]);

impl EncodeLabelSet for LabelSet<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.0 {
            (*name, &**value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

impl<'a> Writer<'a> {
    pub(super) const fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// Writes all values of a counter or a gauge; nothing if there is none.
    pub(super) fn numbers<'b>(
        &mut self,
        description: &Description,
        values: impl IntoIterator<Item = (LabelSet<'b>, f64)>,
    ) -> fmt::Result {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Ok(());
        }
        let mut metric = self.metric(description)?;
        for (labels, value) in values {
            let mut metric = metric.encode_family(&labels)?;
            if description.kind == Kind::Counter {
                metric.encode_counter::<NoLabelSet, _, f64>(&whole(value), None)?;
            } else {
                metric.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// Writes the counters of a metric, each with a request that stands for it; nothing if there is none.
    pub(super) fn counters_with_exemplars<'b>(
        &mut self,
        description: &Description,
        counters: impl IntoIterator<Item = (LabelSet<'b>, u64, Option<Exemplar>)>,
    ) -> fmt::Result {
        let mut counters = counters.into_iter().peekable();
        if counters.peek().is_none() {
            return Ok(());
        }
        let mut metric = self.metric(description)?;
        for (labels, count, exemplar) in counters {
            let counter = CounterWithExemplar::<[(&str, String); 1]>::default();
            // The last of all is the exemplar: its value is that of the one request.
            let last = u64::from(exemplar.is_some());
            counter.inc_by(count.saturating_sub(last), None, None);
            if let Some(Exemplar { at, trace_id }) = exemplar {
                let labels = [("trace_id", format!("{trace_id:032x}"))];
                counter.inc_by(1, Some(labels), Some(at));
            }
            counter.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Writes all histograms of a metric; nothing if there is none.
    pub(super) fn histograms<'b>(
        &mut self,
        description: &Description,
        histograms: impl IntoIterator<Item = (LabelSet<'b>, &'b Histogram)>,
    ) -> fmt::Result {
        let mut histograms = histograms.into_iter().peekable();
        if histograms.peek().is_none() {
            return Ok(());
        }
        let mut metric = self.metric(description)?;
        for (labels, histogram) in histograms {
            let buckets = histogram.buckets();
            // Of the buckets, so that the sum of them is what is written.
            let count = buckets.iter().map(|(_, count)| count).sum();
            let mut metric = metric.encode_family(&labels)?;
            #[expect(clippy::cast_precision_loss, reason = "sums are exact up to 2^53")]
            let sum = histogram.sum() as f64;
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric<'s>(
        &'s mut self,
        description: &Description,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        let (name, kind) = (description.base_name(), description.kind.metric_type());
        self.0.encode_descriptor(name, description.help, None, kind)
    }
}

/// Returns a counter's value as a whole number, which is written without a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are whole numbers, and not negative"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
