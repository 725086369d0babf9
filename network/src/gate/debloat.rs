//! How large buffers to a gate may be, so that what is in flight is read in a given time: a pure step
//! function from measured throughput to a size.
//!
//! ```text
//! wanted  = throughput * target * (1 - threshold) / buffers in flight     at most twice the average
//! average = average + 2 / (samples + 1) * (wanted - average)
//! ```
//!
//! The average is announced when it differs enough from what was announced before, or has reached one
//! of its bounds. So what is announced may be larger than the average by the threshold, which is why
//! less than the target is aimed at: the target is kept, and not only met on average. With less in flight an aligned barrier waits for less; with buffers too small, each
//! costs more than its records do, which is why throughput decides.
//!
//! Invariant: the size is between the least and the size of segments.
//!
//! After Flink's buffer debloating (FLIP-183), whose other rules and defaults are kept.

use std::time::Duration;

/// The least part of the target that is aimed at, however large the threshold is.
const AIM_MIN: f64 = 0.1;

/// How buffers are sized (`taskmanager.network.memory.buffer-debloat.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebloatOptions {
    /// How long a consumer should take to read what is in flight.
    pub target: Duration,
    /// From one measurement to the next.
    pub period: Duration,
    /// Measurements that are averaged.
    pub samples: u32,
    /// Smaller changes, in percent of the size before, are not announced.
    pub threshold_percent: u32,
    /// The least size in bytes.
    pub least: u32,
    /// The size in bytes while nothing was measured.
    pub start: u32,
}

/// What was seen of a gate in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Bytes that were read.
    pub bytes: u64,
    /// How long the reader was not waiting for input.
    pub active: Duration,
    /// Buffers that are in flight to the gate.
    pub buffers: u32,
}

/// Sizes the buffers of one gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Debloater {
    options: DebloatOptions,
    most: u32,
    average: f64,
    announced: u32,
}

impl Debloater {
    /// For segments of `most` bytes; the size to begin with is [`Debloater::size`].
    ///
    /// # Panics
    /// If nothing is averaged.
    pub fn new(options: DebloatOptions, most: u32) -> Self {
        assert!(options.samples > 0, "an average of no measurements");
        let announced = options.start.max(options.least).min(most);
        Self { options, most, average: f64::from(announced), announced }
    }

    /// The size that was announced last.
    pub fn size(&self) -> u32 {
        self.announced
    }

    /// One step: the size to announce, if it is another one.
    #[must_use]
    pub fn step(mut self, observed: Observed) -> (Self, Option<u32>) {
        let Observed { bytes, active, buffers } = observed;
        if active.is_zero() {
            // It waited for input all the time: nothing is known of how fast it is.
            return (self, None);
        }
        let throughput = bytes as f64 / active.as_secs_f64();
        let aim = (1.0 - f64::from(self.options.threshold_percent) / 100.0).max(AIM_MIN);
        let in_flight = throughput * self.options.target.as_secs_f64() * aim;
        // Without this a burst would take the size from one bound to the other.
        let wanted = (in_flight / f64::from(buffers.max(1))).min(2.0 * self.average);
        let share = 2.0 / (f64::from(self.options.samples) + 1.0);
        let (least, most) = (f64::from(self.options.least.min(self.most)), f64::from(self.most));
        self.average = (self.average + share * (wanted - self.average)).clamp(least, most);
        let size = self.average as u32;
        let is_news = size != self.announced && (self.is_bound(size) || self.is_enough(size));
        if is_news {
            self.announced = size;
        }
        (self, is_news.then_some(size))
    }

    fn is_bound(&self, size: u32) -> bool {
        size <= self.options.least || size >= self.most
    }

    fn is_enough(&self, size: u32) -> bool {
        let change = u64::from(size.abs_diff(self.announced)) * 100;
        change >= u64::from(self.options.threshold_percent) * u64::from(self.announced)
    }
}

#[cfg(test)]
mod tests;
