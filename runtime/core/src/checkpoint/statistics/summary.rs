//! Least, most, mean and quantiles.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};

use super::SUMMARY_VALUES_MAX;

/// Values as they came: totals over all, quantiles over the last ones.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Distribution {
    least: u64,
    most: u64,
    sum: u128,
    count: u64,
    last: VecDeque<u64>,
}

impl Distribution {
    /// What isn't measured any more, as often as it would have been.
    pub(super) fn of_zeros(count: u64) -> Distribution {
        let shown = usize::try_from(count).unwrap_or(usize::MAX).min(1);
        Distribution { count, last: VecDeque::from(vec![0; shown]), ..Distribution::default() }
    }

    pub(super) fn add(&mut self, value: u64) {
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.sum += u128::from(value);
        self.count += 1;
        if self.last.len() == SUMMARY_VALUES_MAX {
            self.last.pop_front();
        }
        self.last.push_back(value);
    }

    pub(super) fn stats(&self) -> Stats {
        let mut sorted: Vec<u64> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        let quantile = |share| Quantile::of(&sorted, share);
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        Stats {
            min: self.least,
            max: self.most,
            avg: u64::try_from(mean).expect("a mean lies within its values"),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
        }
    }
}

/// A summary of many values; zeros when there are none.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
pub struct Stats {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// The mean, rounded down.
    pub avg: u64,
    /// Half lie below.
    pub p50: Quantile,
    /// 90 % lie below.
    pub p90: Quantile,
    /// 95 % lie below.
    pub p95: Quantile,
    /// 99 % lie below.
    pub p99: Quantile,
    /// 99.9 % lie below.
    pub p999: Quantile,
}

/// A quantile: a number, or the text `NaN` when there are no values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantile(pub Option<f64>);

impl Quantile {
    /// Between the two values around the place `share * (n + 1)`, as commons-math estimates it.
    fn of(sorted: &[u64], share: f64) -> Quantile {
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
            return Quantile(None);
        };
        let place = share * (sorted.len() as f64 + 1.0);
        let below = place.floor() as usize;
        let value = if below < 1 {
            *first as f64
        } else if below >= sorted.len() {
            *last as f64
        } else {
            let (lower, upper) = (sorted[below - 1] as f64, sorted[below] as f64);
            lower + (place - below as f64) * (upper - lower)
        };
        Quantile(Some(value))
    }
}

impl Serialize for Quantile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(value) => serializer.serialize_f64(value),
            None => serializer.serialize_str("NaN"),
        }
    }
}
