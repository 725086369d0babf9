//! Watermark generators: what a stream's timestamps say about its progress.

use std::time::Duration;

use super::{Watermark, WatermarkOutput};
use crate::{
    Record,
    time::{Timestamp, timestamp::millis_of},
};

/// Makes watermarks out of what it sees of a stream: with each record, at intervals
/// (`pipeline.auto-watermark-interval`), or both.
pub trait WatermarkGenerator<T>: Clone + Send + 'static {
    /// Sees a record. On the record path, so it should do little: most generators only remember.
    fn on_event(&mut self, record: &T, timestamp: Timestamp, output: &mut WatermarkOutput);

    /// Called at intervals; emits what it has remembered.
    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput);

    /// What it remembers, which checkpoints hold. `()` if it is nothing.
    type State: Record;

    /// What it remembers now.
    fn state(&self) -> Self::State;

    /// Goes on from a checkpoint: where it stopped, if there is one state, else so that it promises
    /// no more than any of them would have.
    fn restore(&mut self, states: Vec<Self::State>);
}

/// Writes the state of a generator that remembers nothing.
macro_rules! remembers_nothing {
    () => {
        type State = ();

        fn state(&self) {}

        fn restore(&mut self, _states: Vec<()>) {}
    };
}

/// For streams whose records come at most a fixed time after later ones. With no time at all it is
/// the generator for ascending timestamps.
#[derive(Clone, Copy, Debug)]
pub struct BoundedOutOfOrderness {
    bound_ms: i64,
    latest: Option<Timestamp>,
}

impl BoundedOutOfOrderness {
    /// A generator that stays `bound` behind the latest timestamp.
    pub fn new(bound: Duration) -> Self {
        Self { bound_ms: millis_of(bound), latest: None }
    }

    /// A generator for timestamps that never fall.
    pub fn monotonous() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl<T> WatermarkGenerator<T> for BoundedOutOfOrderness {
    #[inline(always)]
    fn on_event(&mut self, _record: &T, timestamp: Timestamp, _output: &mut WatermarkOutput) {
        self.latest = self.latest.max(Some(timestamp));
    }

    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput) {
        if let Some(latest) = self.latest {
            // One less: more records with the latest timestamp may come.
            let complete = latest.plus_millis(-self.bound_ms).plus_millis(-1);
            output.emit_watermark(Watermark(complete));
        }
    }

    /// The latest timestamp.
    type State = Option<Timestamp>;

    fn state(&self) -> Option<Timestamp> {
        self.latest
    }

    fn restore(&mut self, states: Vec<Option<Timestamp>>) {
        self.latest = states.into_iter().min().flatten();
    }
}

/// For programs whose time is that of the clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatermarks;

impl<T> WatermarkGenerator<T> for NoWatermarks {
    #[inline(always)]
    fn on_event(&mut self, _record: &T, _timestamp: Timestamp, _output: &mut WatermarkOutput) {}

    fn on_periodic_emit(&mut self, _output: &mut WatermarkOutput) {}

    remembers_nothing!();
}

/// For streams with records that say how far they are: a function gives the watermark that a
/// record carries, if it does.
#[derive(Clone, Copy, Debug)]
pub struct Punctuated<F>(pub F);

impl<T, F> WatermarkGenerator<T> for Punctuated<F>
where
    F: Fn(&T, Timestamp) -> Option<Watermark> + Clone + Send + 'static,
{
    #[inline(always)]
    fn on_event(&mut self, record: &T, timestamp: Timestamp, output: &mut WatermarkOutput) {
        if let Some(watermark) = (self.0)(record, timestamp) {
            output.emit_watermark(watermark);
        }
    }

    fn on_periodic_emit(&mut self, _output: &mut WatermarkOutput) {}

    remembers_nothing!();
}
