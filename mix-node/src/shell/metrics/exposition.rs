//! Writes a snapshot in the OpenMetrics text format, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::catalog::{self, Kind, Metric, Sample};
use super::snapshot::Snapshot;

/// What the text is, for its reader.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the catalogue.
///
/// # Errors
///
/// When a value cannot be written.
pub(super) fn text(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Catalogued(snapshot)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Catalogued(Snapshot);

impl Collector for Catalogued {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in catalog::all() {
            let mut samples = Vec::new();
            (metric.read)(&self.0, &mut samples);
            let encoder = encoder.encode_descriptor(metric.name, metric.help, None, type_of(metric))?;
            encode(metric, &samples, encoder)?;
        }
        Ok(())
    }
}

fn encode(metric: &Metric, samples: &[Sample], mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    for sample in samples {
        if sample.labels.is_empty() {
            encode_value(metric, sample, &mut encoder)?;
        } else {
            encode_value(metric, sample, &mut encoder.encode_family(&sample.labels)?)?;
        }
    }
    Ok(())
}

fn encode_value(metric: &Metric, sample: &Sample, encoder: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
    match metric.kind {
        Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&sample.value, None),
        Kind::Gauge => encoder.encode_gauge(&sample.value),
    }
}

const fn type_of(metric: &Metric) -> MetricType {
    match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
    }
}
