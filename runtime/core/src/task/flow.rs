//! How a chain's stages talk to each other: records are pushed, and each push
//! says whether more may come.

use brisk_network::barrier::CheckpointBarrier;

use crate::{
    task::Cx,
    time::{StreamStatus, Timestamp, Watermark},
};

/// What a stage answers to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Taken; go on.
    Continue,
    /// Taken, but send no more until the task is driven again.
    Pause,
    /// The task has failed: [`Cx::fail`] was called.
    Stop,
}

/// Why a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drive {
    /// The quantum is used up; there may be more at once.
    More,
    /// There is no room downstream.
    Paused,
    /// No input now; whoever brings some wakes the task.
    Starved,
    /// Everything was sent.
    Ended,
    /// The task has failed: [`Cx::fail`] was called.
    Failed,
}

impl Flow {
    /// The answer to two things that were both sent.
    #[inline]
    pub fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
            (Self::Pause, _) | (_, Self::Pause) => Self::Pause,
            (Self::Continue, Self::Continue) => Self::Continue,
        }
    }

    /// The drive that ends because of this answer; `None` to go on.
    #[inline(always)]
    pub fn interrupts(self) -> Option<Drive> {
        match self {
            Self::Continue => None,
            Self::Pause => Some(Drive::Paused),
            Self::Stop => Some(Drive::Failed),
        }
    }
}

/// What travels in a stream beside records, in order with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Event time has come so far.
    Watermark(Watermark),
    /// The stream turns idle, or active again.
    Status(StreamStatus),
    /// What comes before it belongs to a checkpoint, what comes after does not: whoever keeps state
    /// passes the barrier on and hands over the state ([`Cx::snapshot`]), all before it answers.
    Barrier(CheckpointBarrier),
}

impl Signal {
    /// Bytes of a signal in a control frame.
    pub const BYTES: usize = 16;

    /// As it is written: which one it is, then its value, both little endian.
    ///
    /// # Panics
    /// Of a barrier, which is an event of the exchange.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (tag, value) = match self {
            Self::Watermark(Watermark(time)) => (1u64, time.millis()),
            Self::Status(StreamStatus::Active) => (2, 0),
            Self::Status(StreamStatus::Idle) => (2, 1),
            Self::Barrier(_) => unreachable!("barriers are no control frames"),
        };
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&tag.to_le_bytes());
        bytes[8..].copy_from_slice(&value.to_le_bytes());
        bytes
    }

    /// As it was written; `None` if it is no signal.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, value) = bytes.split_first_chunk()?;
        let value = i64::from_le_bytes(value.try_into().ok()?);
        match (u64::from_le_bytes(*tag), value) {
            (1, millis) => Some(Self::Watermark(Watermark(Timestamp::from_millis(millis)))),
            (2, 0) => Some(Self::Status(StreamStatus::Active)),
            (2, 1) => Some(Self::Status(StreamStatus::Idle)),
            _ => None,
        }
    }
}

/// Takes records, and the signals between them.
pub trait Push<T> {
    /// Takes one record, whatever the answer. Its event time, if it has one, is
    /// [`Cx::timestamp`].
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow;

    /// Takes a signal, whatever the answer and even while records would not be
    /// welcome: a stage first passes on all that it holds of earlier records, then
    /// the signal. What that needs beyond the segments there are is bounded by what
    /// one record makes, since nobody sends records meanwhile.
    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow;

    /// Whether a record would be welcome now. A drive asks before it begins, since
    /// the answer [`Flow::Pause`] may still hold.
    fn ready(&mut self, cx: &mut Cx) -> Flow;
}
