//! Watermark alignment: sources of one group wait for the slowest of them.
//!
//! ```text
//!   coordinator: AlignmentGroups                       source subtask: SplitPace
//!   least watermark of all in a group   <--report---   least watermark of its active splits
//!   limit = least + drift of the source --announce-->  splits beyond the limit pause,
//!                                                      those within it resume
//! ```
//!
//! Both sides are plain state and steps; messages between them are the caller's. A subtask counts
//! from the moment its source joins, at the beginning of time until it reports, so that the others
//! don't run ahead while it starts; an idle one holds nobody. Control plane but for
//! [`SplitPace::on_watermark`], which is two comparisons.

use brisk_memory::driver::Instant64;
use std::{collections::BTreeMap, time::Duration};

use super::Watermark;

#[cfg(test)]
mod tests;

/// What a source asked for with `with_watermark_alignment`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alignment {
    group: String,
    max_drift: Duration,
    update_interval: Duration,
}

impl Alignment {
    /// Alignment within `group`: at most `max_drift` ahead of the slowest, told each
    /// `update_interval`.
    ///
    /// # Panics
    /// If `update_interval` is zero.
    pub fn new(group: impl Into<String>, max_drift: Duration, update_interval: Duration) -> Self {
        assert!(!update_interval.is_zero(), "alignment needs an update interval above zero");
        Self { group: group.into(), max_drift, update_interval }
    }

    /// The group's name.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// How far ahead of the group's slowest its source may be.
    pub fn max_drift(&self) -> Duration {
        self.max_drift
    }

    /// Time between two announcements, and between two reports.
    pub fn update_interval(&self) -> Duration {
        self.update_interval
    }
}

/// One source of a job, as its coordinator counts them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AlignedSource(pub u32);

/// What a subtask reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It has come this far.
    At(Watermark),
    /// It has nothing to read, or has ended: nobody waits for it.
    Idle,
}

/// To be told to all subtasks of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// The source.
    pub source: AlignedSource,
    /// Splits with a later watermark should pause.
    pub limit: Watermark,
}

#[derive(Clone, Debug)]
struct Member {
    alignment: Alignment,
    subtasks: Vec<Progress>,
    next_announcement: Instant64,
}

/// The coordinator's side: all sources of a job that are aligned.
#[derive(Clone, Debug, Default)]
pub struct AlignmentGroups {
    members: BTreeMap<AlignedSource, Member>,
}

impl AlignmentGroups {
    /// No sources yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source with `subtasks` subtasks, or begins anew with it after a restart.
    pub fn join(
        &mut self,
        source: AlignedSource,
        alignment: Alignment,
        subtasks: usize,
        now: Instant64,
    ) {
        let next_announcement = now + alignment.update_interval;
        let subtasks = vec![Progress::At(Watermark::MIN); subtasks];
        self.members.insert(source, Member { alignment, subtasks, next_announcement });
    }

    /// Adds a source unless it is there: its subtasks start one by one.
    pub fn join_once(
        &mut self,
        source: AlignedSource,
        alignment: &Alignment,
        subtasks: usize,
        now: Instant64,
    ) {
        if !self.members.contains_key(&source) {
            self.join(source, alignment.clone(), subtasks, now);
        }
    }

    /// Takes a source out; nobody waits for it any more.
    pub fn leave(&mut self, source: AlignedSource) {
        self.members.remove(&source);
    }

    /// A subtask reports. One that is not known, because its source has left, is ignored.
    pub fn report(&mut self, source: AlignedSource, subtask: usize, progress: Progress) {
        let member = self.members.get_mut(&source);
        if let Some(known) = member.and_then(|member| member.subtasks.get_mut(subtask)) {
            *known = progress;
        }
    }

    /// The least watermark of a group; `None` when nobody in it is active.
    pub fn watermark(&self, group: &str) -> Option<Watermark> {
        let members = self.members.values().filter(|member| member.alignment.group == group);
        let progress = members.flat_map(|member| &member.subtasks);
        let watermarks = progress.filter_map(|progress| match progress {
            Progress::At(watermark) => Some(*watermark),
            Progress::Idle => None,
        });
        watermarks.min()
    }

    /// How far a source may go now: what would be announced to it. One that is not known may go on.
    pub fn limit_of(&self, source: AlignedSource) -> Watermark {
        self.members.get(&source).map_or(Watermark::MAX, |member| self.limit(member))
    }

    /// The limit of a source: its group's watermark and its own drift.
    fn limit(&self, member: &Member) -> Watermark {
        let least = self.watermark(&member.alignment.group);
        least.map_or(Watermark::MAX, |Watermark(least)| {
            Watermark(least + member.alignment.max_drift)
        })
    }

    /// What is to be announced at `now`, by source.
    pub fn due(&mut self, now: Instant64) -> Vec<Announcement> {
        let due = self.members.iter().filter(|(_, member)| member.next_announcement <= now);
        let announced: Vec<_> = due
            .map(|(source, member)| Announcement { source: *source, limit: self.limit(member) })
            .collect();
        for Announcement { source, .. } in &announced {
            let member = self.members.get_mut(source).expect("it was just found");
            member.next_announcement = now + member.alignment.update_interval;
        }
        announced
    }

    /// When to call [`AlignmentGroups::due`] next.
    pub fn next_due(&self) -> Option<Instant64> {
        self.members.values().map(|member| member.next_announcement).min()
    }
}

/// One split of a subtask, or the subtask itself if it has no splits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SplitIndex(pub u32);

/// What to do with a split now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Read no more of it.
    Pause(SplitIndex),
    /// Read on.
    Resume(SplitIndex),
}

#[derive(Clone, Copy, Debug)]
struct Split {
    watermark: Watermark,
    is_paused: bool,
    is_idle: bool,
}

/// The side of a subtask: which of its splits are too far ahead.
#[derive(Clone, Debug)]
pub struct SplitPace {
    limit: Watermark,
    splits: BTreeMap<SplitIndex, Split>,
}

impl SplitPace {
    /// No splits and no limit yet.
    pub fn new() -> Self {
        Self { limit: Watermark::MAX, splits: BTreeMap::new() }
    }

    /// Adds a split, at the beginning of time.
    pub fn add(&mut self, split: SplitIndex) {
        let fresh = Split { watermark: Watermark::MIN, is_paused: false, is_idle: false };
        let known = self.splits.insert(split, fresh);
        assert!(known.is_none(), "{split:?} was added twice");
    }

    /// Takes a split out, at its end.
    pub fn remove(&mut self, split: SplitIndex) {
        self.splits.remove(&split);
    }

    /// A split's watermark; the split is active.
    pub fn on_watermark(&mut self, split: SplitIndex, watermark: Watermark) -> Option<Pace> {
        let limit = self.limit;
        let known = self.splits.get_mut(&split)?;
        known.watermark = known.watermark.max(watermark);
        known.is_idle = false;
        pace(split, known, limit)
    }

    /// A split went idle. A paused one did not go idle by itself and is not to be reported so.
    pub fn on_idle(&mut self, split: SplitIndex) {
        if let Some(known) = self.splits.get_mut(&split) {
            known.is_idle = !known.is_paused;
        }
    }

    /// The limit was announced: what changes, by split.
    pub fn on_limit(&mut self, limit: Watermark) -> Vec<Pace> {
        self.limit = limit;
        let splits = self.splits.iter_mut();
        splits.filter_map(|(split, known)| pace(*split, known, limit)).collect()
    }

    /// What to report.
    pub fn progress(&self) -> Progress {
        let active = self.splits.values().filter(|split| !split.is_idle);
        active.map(|split| split.watermark).min().map_or(Progress::Idle, Progress::At)
    }

    /// Whether all splits are paused, so that the subtask may rest.
    pub fn is_paused(&self) -> bool {
        !self.splits.is_empty() && self.splits.values().all(|split| split.is_paused)
    }

    /// How far the subtask is ahead of what it may be; for the metric `watermarkAlignmentDrift`.
    pub fn excess(&self) -> Duration {
        let latest = self.splits.values().map(|split| split.watermark).max();
        latest.map_or(Duration::ZERO, |Watermark(latest)| latest.saturating_since(self.limit.0))
    }
}

impl Default for SplitPace {
    fn default() -> Self {
        Self::new()
    }
}

fn pace(index: SplitIndex, split: &mut Split, limit: Watermark) -> Option<Pace> {
    let is_ahead = split.watermark > limit;
    (is_ahead != split.is_paused).then(|| {
        split.is_paused = is_ahead;
        if is_ahead { Pace::Pause(index) } else { Pace::Resume(index) }
    })
}
