//! A subtask of an aligned source: reports how far it has come, and waits when it is too far ahead.
//!
//! Tasks of one process meet at the groups of their job's run, under a lock that each takes once per
//! update interval. Over RPC a job master would hold the groups, and answer reports with announcements.

use brisk_memory::driver::Instant64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    graph::NodeId,
    task::Cx,
    time::{
        StreamStatus, Watermark,
        alignment::{AlignedSource, Alignment, AlignmentGroups, Progress, SplitIndex, SplitPace},
    },
};

/// Where the aligned sources of one run of a job meet.
#[derive(Debug, Default)]
pub struct MeetingPlace(Mutex<AlignmentGroups>);

impl MeetingPlace {
    fn groups(&self) -> MutexGuard<'_, AlignmentGroups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole subtask is one split.
const WHOLE: SplitIndex = SplitIndex(0);

/// One subtask's side.
pub(super) struct Pacer {
    alignment: Alignment,
    source: AlignedSource,
    subtask: usize,
    pace: SplitPace,
    /// There once the task was driven.
    place: Option<Arc<MeetingPlace>>,
    next: Instant64,
    wakes: Option<Instant64>,
}

impl Pacer {
    pub(super) fn new(alignment: Alignment, node: NodeId, subtask: u32) -> Self {
        let mut pace = SplitPace::new();
        pace.add(WHOLE);
        Self {
            alignment,
            source: AlignedSource(node.0),
            subtask: subtask as usize,
            pace,
            place: None,
            next: Instant64::from_nanos(0),
            wakes: None,
        }
    }

    /// How far the subtask has come, and whether nobody waits for it.
    pub(super) fn on_time(&mut self, watermark: Watermark, status: StreamStatus) {
        if watermark == Watermark::MAX {
            // At its end it waits for nobody, and nobody for it.
            self.pace.remove(WHOLE);
            return;
        }
        let _ = self.pace.on_watermark(WHOLE, watermark);
        if status == StreamStatus::Idle {
            self.pace.on_idle(WHOLE);
        }
    }

    /// Reports and hears how far it may go, if that is due.
    pub(super) fn on_drive(&mut self, cx: &Cx) {
        let now = cx.now();
        let place = self.place.get_or_insert_with(|| {
            let place = Arc::clone(cx.alignment());
            let subtasks = cx.plan().parallelism as usize;
            place.groups().join_once(self.source, &self.alignment, subtasks, now);
            place
        });
        if now < self.next {
            return;
        }
        self.next = now + self.alignment.update_interval();
        let mut groups = place.groups();
        groups.report(self.source, self.subtask, self.pace.progress());
        let limit = groups.limit_of(self.source);
        drop(groups);
        self.pace.on_limit(limit);
    }

    /// Whether it is to wait.
    pub(super) fn is_ahead(&self) -> bool {
        self.pace.is_paused()
    }

    /// Sees to it that the task is driven when the next report is due.
    pub(super) fn on_rest(&mut self, cx: &mut Cx) {
        if self.wakes.is_none_or(|wakes| wakes < self.next) {
            self.wakes = Some(self.next);
            cx.wake_at(self.next);
        }
    }

    /// The source has ended: nobody waits for it.
    pub(super) fn on_end(&self) {
        if let Some(place) = &self.place {
            place.groups().report(self.source, self.subtask, Progress::Idle);
        }
    }
}
