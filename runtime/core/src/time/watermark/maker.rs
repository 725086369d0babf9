//! [`WatermarkMaker`]: a strategy at work on one stream.

use brisk_memory::driver::Instant64;

use super::{IdlenessTimer, TimestampAssigner, Watermark, WatermarkGenerator};
use super::{StreamStatus, WatermarkOutput};
use crate::{
    graph::{Parallelism, SubtaskIndex},
    task::flow::Signal,
    time::Timestamp,
};

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

/// What a checkpoint holds of one stream's watermarks, beside what its generator remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct WatermarkImage {
    /// Which stream.
    pub index: u32,
    /// Of how many there were, those that had ended included.
    pub count: u32,
    /// The last watermark.
    pub watermark: Timestamp,
    /// Whether nobody waits for the stream.
    pub is_idle: bool,
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

    /// What a checkpoint holds of stream `index` of `count`.
    pub fn image(&self, (index, count): (SubtaskIndex, Parallelism)) -> WatermarkImage {
        WatermarkImage {
            index: index.0,
            count: count.0,
            watermark: self.watermark().0,
            is_idle: self.status() == StreamStatus::Idle,
        }
    }

    /// What the generator remembers.
    pub fn generator_state<T>(&self) -> G::State
    where
        G: WatermarkGenerator<T>,
    {
        self.generator.state()
    }

    /// Goes on from a checkpoint with an image of each stream that had not ended, and in the same
    /// order a state of each generator; none of them, if the strategy was another. As many streams as
    /// before go on each from its own, stream `index` of `count`; one that had ended begins anew, to
    /// end at once. Others go on from the least, since the records of any of them may come to each.
    /// What was sent is sent again.
    pub fn restore<T>(
        &mut self,
        mut images: Vec<WatermarkImage>,
        mut states: Vec<G::State>,
        (index, count): (SubtaskIndex, Parallelism),
    ) where
        G: WatermarkGenerator<T>,
    {
        if images.iter().all(|image| image.count == count.0) {
            let Some(own) = images.iter().position(|image| image.index == index.0) else { return };
            if states.len() == images.len() {
                states = vec![states.swap_remove(own)];
            }
            images = vec![images[own]];
        }
        // Nobody waited for an idle stream, unless all were.
        let is_idle = images.iter().all(|image| image.is_idle);
        let counted = images.iter().filter(|image| is_idle || !image.is_idle);
        let Some(least) = counted.map(|image| image.watermark).min() else { return };
        let status = if is_idle { StreamStatus::Idle } else { StreamStatus::Active };
        self.output.restore(Watermark(least), status);
        if !states.is_empty() {
            self.generator.restore(states);
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
