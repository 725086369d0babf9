//! What a generator says, until it is sent.

use super::{StreamStatus, Watermark};
use crate::task::flow::Signal;

/// Where generators put watermarks. Of several between two looks only the last counts.
///
/// A generator that emits a watermark is active by that; one that marks itself idle stays idle
/// until it emits a greater watermark or marks itself active.
#[derive(Clone, Debug)]
pub struct WatermarkOutput {
    /// The last one that was emitted.
    watermark: Watermark,
    status: StreamStatus,
    /// What was taken of both.
    sent_watermark: Watermark,
    sent_status: StreamStatus,
}

impl WatermarkOutput {
    /// An output to which nothing was emitted.
    pub fn new() -> Self {
        Self {
            watermark: Watermark::MIN,
            status: StreamStatus::Active,
            sent_watermark: Watermark::MIN,
            sent_status: StreamStatus::Active,
        }
    }

    /// Goes on from what was emitted before a failure, which is emitted again.
    pub fn restore(&mut self, watermark: Watermark, status: StreamStatus) {
        *self = Self { watermark, status, ..Self::new() };
    }

    /// Emits a watermark; one that is no progress is ignored.
    #[inline]
    pub fn emit_watermark(&mut self, watermark: Watermark) {
        if watermark > self.watermark {
            self.watermark = watermark;
            self.status = StreamStatus::Active;
        }
    }

    /// Nobody downstream should wait for this stream.
    pub fn mark_idle(&mut self) {
        self.status = StreamStatus::Idle;
    }

    /// This stream's watermarks count again.
    pub fn mark_active(&mut self) {
        self.status = StreamStatus::Active;
    }

    /// The last watermark that was emitted.
    pub fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Whether the stream is idle or active.
    pub fn status(&self) -> StreamStatus {
        self.status
    }

    /// Whether [`WatermarkOutput::take`] would give something. A comparison, for the record path.
    #[inline(always)]
    pub fn has_news(&self) -> bool {
        self.watermark > self.sent_watermark || self.status != self.sent_status
    }

    /// The next signal to send, until there is none: a watermark lies between becoming active and
    /// going idle, so that it counts.
    pub fn take(&mut self) -> Option<Signal> {
        let has_watermark = self.watermark > self.sent_watermark;
        let needs_active = has_watermark || self.status == StreamStatus::Active;
        if self.sent_status == StreamStatus::Idle && needs_active {
            self.sent_status = StreamStatus::Active;
            return Some(Signal::Status(StreamStatus::Active));
        }
        if has_watermark {
            self.sent_watermark = self.watermark;
            return Some(Signal::Watermark(self.watermark));
        }
        (self.status != self.sent_status).then(|| {
            self.sent_status = self.status;
            Signal::Status(self.status)
        })
    }
}

impl Default for WatermarkOutput {
    fn default() -> Self {
        Self::new()
    }
}
