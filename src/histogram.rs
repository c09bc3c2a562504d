//! A histogram as vendors and the exposition share it: counts of observations between fixed bounds, and their sum.

/// Observations by size.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// Observations in each bucket alone; the last one is beyond the highest bound.
    buckets: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// Nothing was observed yet. `bounds` are the upper ends of the buckets, the lowest first, without infinity.
    pub fn new(bounds: &'static [f64]) -> Histogram {
        Histogram { bounds, buckets: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    /// Counts an observation.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.buckets[bucket] += 1;
        self.sum += value;
    }

    /// The upper end of each bucket, infinity last, and how many observations are not above it.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        cumulative(self.bounds, &self.buckets)
    }

    /// How many observations there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The sum of all observations.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many series it is told with: its buckets, sum and count.
    pub fn series(&self) -> usize {
        self.buckets.len() + 2
    }
}

/// For each bound, and infinity, how many observations are not above it.
pub fn cumulative<'a>(bounds: &'a [f64], buckets: &'a [u64]) -> impl Iterator<Item = (f64, u64)> + use<'a> {
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    bounds.zip(buckets).scan(0, |total, (bound, count)| {
        *total += count;
        Some((bound, *total))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_counts_in_its_bucket_and_in_those_above() {
        let mut histogram = Histogram::new(&[1.0, 5.0]);
        [0.5, 1.0, 1.5, 7.0].into_iter().for_each(|value| histogram.observe(value));
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(1.0, 2), (5.0, 3), (f64::INFINITY, 4)]);
        assert_eq!((histogram.count(), histogram.sum(), histogram.series()), (4, 10.0, 5));
    }
}
