//! The whole answer to a scrape: the catalogue's families in order, each with the blocks of the targets.

use prometheus::proto::{MetricFamily, MetricType};

use super::Snapshot;
use crate::{
    catalogue::{FamilyKey, Kind, TABLES},
    exposition::{Block, Body, Encoding, Format, Splice, header, text},
};

/// Puts an answer together. `sources` are the blocks of targets or of groups of them, each in the order of the catalogue;
/// `own` are the metrics without target, from the `prometheus` crate.
pub fn scrape<'a>(
    sources: impl Iterator<Item = &'a [(FamilyKey, Block)]>,
    own: &[MetricFamily],
    format: Format,
    encoding: Encoding,
) -> Body {
    let mut splice = Splice::new(format, encoding);
    splice.push(&daemon(own, format));
    push_all(&mut splice, sources);
    splice.finish()
}

/// The exposition of one target alone, in text; for `probe`.
pub fn of_target(snapshot: Snapshot) -> Vec<u8> {
    let mut splice = Splice::new(Format::Text, Encoding::Identity);
    push_all(&mut splice, [&*snapshot.blocks].into_iter());
    splice.finish().concat()
}

/// Every family with the blocks that any source has of it.
fn push_all<'a>(splice: &mut Splice, sources: impl Iterator<Item = &'a [(FamilyKey, Block)]>) {
    let mut families: Vec<Vec<Vec<&Block>>> = TABLES.iter().map(|table| vec![Vec::new(); table.len()]).collect();
    for ((table, ordinal), block) in sources.flatten() {
        families[usize::from(*table)][usize::from(*ordinal)].push(block);
    }
    for (family, blocks) in TABLES.iter().copied().flatten().zip(families.iter().flatten()) {
        splice.family(family, blocks.iter().copied());
    }
}

/// The few series without a target, with their headers; these alone are formatted at the scrape.
fn daemon(families: &[MetricFamily], format: Format) -> Block {
    let mut out = Vec::new();
    for family in families {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            _ => Kind::Gauge,
        };
        out.extend_from_slice(header(family.name(), kind, family.help(), format).as_bytes());
        for metric in family.get_metric() {
            let mut labels = Vec::new();
            for pair in metric.get_label() {
                text::label(&mut labels, pair.name(), pair.value());
            }
            match kind {
                Kind::Counter => text::line(&mut out, family.name(), &labels, metric.get_counter().get_value()),
                Kind::Gauge => text::line(&mut out, family.name(), &labels, metric.get_gauge().get_value()),
                Kind::Histogram => {
                    let histogram = metric.get_histogram();
                    let buckets = histogram.get_bucket().iter();
                    let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
                    let buckets = buckets.chain([(f64::INFINITY, histogram.get_sample_count())]);
                    text::histogram(&mut out, family.name(), &labels, buckets, histogram.get_sample_sum());
                }
            }
        }
    }
    Block::packed(out)
}
