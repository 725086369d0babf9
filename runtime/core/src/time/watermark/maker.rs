//! [`WatermarkMaker`]: a strategy at work on one stream.

use brisk_memory::driver::Instant64;

use super::{IdlenessTimer, TimestampAssigner, Watermark, WatermarkGenerator};
use super::{StreamStatus, WatermarkOutput};
use crate::{task::flow::Signal, time::Timestamp};

/// Gives a stream's records their timestamps, and the stream its watermarks. Whoever owns it calls
/// [`WatermarkMaker::on_record`] with each record and [`WatermarkMaker::on_period`] at intervals,
/// and after both sends what [`WatermarkMaker::take`] gives, behind the record.
#[derive(Clone, Debug)]
pub struct WatermarkMaker<G, A> {
    generator: G,
    assigner: A,
    idleness: Option<IdlenessTimer>,
    output: WatermarkOutput,
}

impl<G, A> WatermarkMaker<G, A> {
    pub(super) fn new(generator: G, assigner: A, idleness: Option<IdlenessTimer>) -> Self {
        Self { generator, assigner, idleness, output: WatermarkOutput::new() }
    }

    /// The timestamp of a record, which the generator sees too. A record without one says nothing
    /// about progress.
    #[inline(always)]
    pub fn on_record<T>(&mut self, record: &T, previous: Option<Timestamp>) -> Option<Timestamp>
    where
        G: WatermarkGenerator<T>,
        A: TimestampAssigner<T>,
    {
        if let Some(idleness) = &mut self.idleness {
            idleness.activity();
        }
        let timestamp = self.assigner.timestamp(record, previous)?;
        self.generator.on_event(record, timestamp, &mut self.output);
        Some(timestamp)
    }

    /// The interval of periodic watermarks has passed.
    pub fn on_period<T>(&mut self, now: Instant64)
    where
        G: WatermarkGenerator<T>,
    {
        let idleness = self.idleness.as_mut();
        if idleness.is_some_and(|idleness| idleness.is_idle(now)) {
            self.output.mark_idle();
        } else {
            self.generator.on_periodic_emit(&mut self.output);
        }
    }

    /// A watermark from upstream. This strategy replaces it, unless it is the end of the input.
    pub fn on_watermark(&mut self, watermark: Watermark) {
        if watermark == Watermark::MAX {
            self.output.emit_watermark(watermark);
        }
    }

    /// The stream could not send anything for a while, which must not count as idleness.
    pub fn on_resumed(&mut self) {
        if let Some(idleness) = &mut self.idleness {
            idleness.restart();
        }
    }

    /// The last watermark.
    pub fn watermark(&self) -> Watermark {
        self.output.watermark()
    }

    /// Whether the stream is idle.
    pub fn status(&self) -> StreamStatus {
        self.output.status()
    }

    /// Whether there is something to send. A comparison, for the record path.
    #[inline(always)]
    pub fn has_news(&self) -> bool {
        self.output.has_news()
    }

    /// The next signal to send, until there is none.
    pub fn take(&mut self) -> Option<Signal> {
        self.output.take()
    }
}
