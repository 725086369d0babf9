//! The watermark of several inputs: the least of those that take part.

use super::{StreamStatus, Watermark};
use crate::task::flow::Signal;

#[derive(Clone, Copy, Debug)]
struct Input {
    watermark: Watermark,
    status: StreamStatus,
    /// Whether it counts: active, and not behind what was passed on already.
    aligned: bool,
}

/// Combines the watermarks and the status of several inputs.
///
/// An idle input does not hold the others back; when it turns active again, it
/// counts once it has come as far as what was passed on meanwhile. With all inputs
/// idle, time comes to where the furthest was, and the result is idle.
#[derive(Clone, Debug)]
pub struct WatermarkValve {
    inputs: Box<[Input]>,
    passed: Watermark,
    status: StreamStatus,
}

impl WatermarkValve {
    /// A valve of `inputs` inputs, all active and at the beginning of time.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(inputs: usize) -> Self {
        assert!(inputs > 0, "a valve has an input");
        let input =
            Input { watermark: Watermark::MIN, status: StreamStatus::Active, aligned: true };
        let inputs = vec![input; inputs].into();
        Self { inputs, passed: Watermark::MIN, status: StreamStatus::Active }
    }

    /// Takes the signal of one input; what is to be passed on, in order, two signals at most.
    pub fn input(&mut self, index: usize, signal: Signal) -> impl Iterator<Item = Signal> {
        let signals = match signal {
            Signal::Watermark(watermark) => [self.watermark(index, watermark), None],
            Signal::Status(status) => self.status(index, status),
        };
        signals.into_iter().flatten()
    }

    fn watermark(&mut self, index: usize, watermark: Watermark) -> Option<Signal> {
        let input = &mut self.inputs[index];
        if input.status == StreamStatus::Idle || watermark <= input.watermark {
            return None;
        }
        input.watermark = watermark;
        input.aligned |= watermark >= self.passed;
        self.advance()
    }

    /// Passes on the least watermark of the inputs that count, if it is news.
    fn advance(&mut self) -> Option<Signal> {
        let aligned = self.inputs.iter().filter(|input| input.aligned);
        let least = aligned.map(|input| input.watermark).min()?;
        self.pass(least)
    }

    fn pass(&mut self, watermark: Watermark) -> Option<Signal> {
        if watermark <= self.passed {
            return None;
        }
        self.passed = watermark;
        Some(Signal::Watermark(watermark))
    }

    fn status(&mut self, index: usize, status: StreamStatus) -> [Option<Signal>; 2] {
        let passed = self.passed;
        let input = &mut self.inputs[index];
        if input.status == status {
            return [None, None];
        }
        input.status = status;
        input.aligned = status == StreamStatus::Active && input.watermark >= passed;
        if status == StreamStatus::Active {
            let before = std::mem::replace(&mut self.status, StreamStatus::Active);
            let news = before == StreamStatus::Idle;
            return [news.then_some(Signal::Status(StreamStatus::Active)), None];
        }
        if self.inputs.iter().any(|input| input.status == StreamStatus::Active) {
            return [self.advance(), None];
        }
        self.status = StreamStatus::Idle;
        let furthest = self.inputs.iter().map(|input| input.watermark).max();
        let advanced = furthest.and_then(|furthest| self.pass(furthest));
        [advanced, Some(Signal::Status(StreamStatus::Idle))]
    }
}
