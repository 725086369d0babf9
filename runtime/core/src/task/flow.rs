//! How a chain's stages talk to each other: records are pushed, and each push
//! says whether more may come.

use crate::task::Cx;

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

/// Takes records.
pub trait Push<T> {
    /// Takes one record, whatever the answer.
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow;

    /// Whether a record would be welcome now. A drive asks before it begins, since
    /// the answer [`Flow::Pause`] may still hold.
    fn ready(&mut self, cx: &mut Cx) -> Flow;
}
