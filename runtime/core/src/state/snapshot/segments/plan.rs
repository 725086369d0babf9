//! What a checkpoint writes of a table, and what it has already.
//!
//! A part that changed in no way but by what the log of changes has can stay where it is. So that neither
//! the log grows without end nor the files that have it are many, some of these parts are written anew
//! with each checkpoint that adds to the log, those first that need most of it: as many as makes it
//! [`log_max`] long, or spreads it over [`LOGS_MAX`] files.

use super::{
    FILES_MAX,
    ages::Ages,
    contents::{StoredPart, order},
    history::{Remembered, SegmentFile},
};
use crate::{
    checkpoint::storage::segments::StoredSegment,
    state::table::{Chunk, PartKind, TablePart, Version, WORTH},
};

/// Checkpoints whose parts of the log are needed, about.
const LOGS_MAX: usize = 48;

/// Bytes of the log, however large the state is: what a restore keeps in memory is gone over with it
/// several times.
const LOG_BYTES_MAX: usize = 1 << 30;

/// What a table is at a barrier.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    /// The version that the freeze ends.
    pub(super) frozen: Version,
    pub(super) parts: &'a [TablePart],
    pub(super) segment_bytes: usize,
    /// The log of changes since the base, if that is all of them.
    pub(super) changes: Option<Vec<Chunk>>,
    /// For the plan, with anything in them.
    pub(super) kept: Vec<Option<Kept>>,
    pub(super) ages: Ages,
}

/// Where a part is that is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) file: u32,
    pub(super) at: StoredSegment,
    /// When it was frozen to be written there.
    pub(super) frozen: Version,
}

/// A part of the log that was written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredChanges {
    /// It ends with the freeze of this version.
    pub(super) version: Version,
    pub(super) used: u32,
    pub(super) file: u32,
    pub(super) at: StoredSegment,
}

/// See the module's page. Records wait while it is made, so it goes over all parts as few times as it can:
/// what is to be known of them all is counted the first time.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) frozen: Version,
    /// The files it goes on using.
    pub(super) files: Vec<SegmentFile>,
    /// By part of the table: where it is already.
    pub(super) kept: Vec<Option<Kept>>,
    /// The log that these need, oldest first: what was written, and what is to be.
    pub(super) changes: Vec<StoredChanges>,
    pub(super) chunks: Vec<Chunk>,
    /// Of the parts that need a log.
    pub(super) ages: Ages,
}

/// Segments of log that a table of so many parts may have.
fn log_max(parts: usize, segment_bytes: usize) -> usize {
    parts.min(LOG_BYTES_MAX / segment_bytes).max(1)
}

impl Plan {
    /// Of all parts.
    pub(super) fn whole(mut cut: Cut<'_>) -> Self {
        let mut plan = Self::blank(&mut cut);
        plan.kept.resize(cut.parts.len(), None);
        plan
    }

    fn blank(cut: &mut Cut<'_>) -> Self {
        let (files, changes, chunks) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = std::mem::take(&mut cut.kept);
        kept.clear();
        kept.reserve_exact(cut.parts.len());
        let mut ages = std::mem::take(&mut cut.ages);
        ages.begin(cut.frozen);
        Self { frozen: cut.frozen, files, kept, changes, chunks, ages }
    }

    /// Of what is not in an earlier checkpoint.
    pub(super) fn based_on(known: &Remembered, mut cut: Cut<'_>) -> Self {
        let mut plan = Self::blank(&mut cut);
        plan.files = known.files.clone();
        plan.files.iter_mut().for_each(|file| file.live = 0);
        let spared = plan.keep(known, &cut);
        let Cut { parts, segment_bytes, changes, .. } = cut;
        if let Some(chunks) = changes {
            plan.log((known.frozen, spared), chunks, (parts, segment_bytes));
        }
        plan.drop_changes();
        let log = plan.changes.len() + plan.chunks.len();
        if log > 2 * log_max(parts.len(), segment_bytes) {
            plan.drop_log(parts);
        }
        plan.leave_files(parts);
        if plan.files.len() > FILES_MAX {
            plan.drop_log(parts);
            plan.leave_files(parts);
        }
        plan
    }

    /// Finds what has not changed but by the log, and counts it; how much has changed so since the base.
    /// Both are ordered alike.
    fn keep(&mut self, known: &Remembered, cut: &Cut<'_>) -> usize {
        let has_changes = cut.changes.is_some();
        let mut spared = 0;
        let mut stored = known.parts.iter().peekable();
        for part in cut.parts {
            let own = (order(part.kind), part.number);
            while stored.next_if(|stored| (order(stored.kind), stored.number) < own).is_some() {}
            let found = stored.next_if(|stored| (order(stored.kind), stored.number) == own);
            let is_logged = part.logged > known.frozen;
            let is_known = part.changed <= known.frozen && (has_changes || !is_logged);
            let Some(StoredPart { file, at, age, .. }) = found.filter(|_| is_known) else {
                self.kept.push(None);
                continue;
            };
            let frozen = known.frozen.before(*age);
            self.kept.push(Some(Kept { file: *file, at: *at, frozen }));
            self.files[*file as usize].live += 1;
            spared += usize::from(is_logged);
            if part.logged > frozen {
                self.ages.add(frozen);
            }
        }
        for part in stored {
            if let PartKind::Changes { used } = part.kind {
                let version = known.frozen.before(part.age);
                let (file, at) = (part.file, part.at);
                self.changes.push(StoredChanges { version, used, file, at });
                self.files[file as usize].live += 1;
            }
        }
        spared
    }

    /// Adds to the log, if that and what is written anew for it is less than the parts it spares.
    fn log(
        &mut self,
        (base, spared): (Version, usize),
        chunks: Vec<Chunk>,
        (parts, bytes): (&[TablePart], usize),
    ) {
        let needy = self.ages.total();
        let by_log = needy * chunks.len() / log_max(parts.len(), bytes);
        let by_files = needy.div_ceil(LOGS_MAX);
        let anew = by_log.max(by_files).min(needy);
        if !chunks.is_empty() && (chunks.len() + anew) * WORTH > spared {
            self.write(parts, |part, _| part.logged > base);
            return;
        }
        if anew > 0 && !chunks.is_empty() {
            let mut oldest = self.ages.oldest(anew);
            self.write(parts, |part, kept| part.logged > kept.frozen && oldest.has(kept.frozen));
        }
        self.chunks = chunks;
    }

    /// Writes parts anew, those that `is_written` says so of.
    fn write(
        &mut self,
        parts: &[TablePart],
        mut is_written: impl FnMut(&TablePart, &Kept) -> bool,
    ) {
        let Self { kept, files, ages, .. } = self;
        for (part, place) in parts.iter().zip(kept) {
            if let Some(kept) = place
                && is_written(part, kept)
            {
                files[kept.file as usize].live -= 1;
                if part.logged > kept.frozen {
                    ages.remove(kept.frozen);
                }
                *place = None;
            }
        }
    }

    /// Forgets the log that no part needs.
    fn drop_changes(&mut self) {
        let Self { ages, files, changes, chunks, .. } = self;
        let since = ages.first();
        let is_needed = |version: Version| since.is_some_and(|since| version > since);
        changes.retain(|part| {
            let is_needed = is_needed(part.version);
            files[part.file as usize].live -= usize::from(!is_needed);
            is_needed
        });
        chunks.retain(|chunk| is_needed(chunk.version));
    }

    /// Writes all parts anew that need a log.
    fn drop_log(&mut self, parts: &[TablePart]) {
        self.write(parts, |part, kept| part.logged > kept.frozen);
        self.drop_changes();
    }

    /// Writes anew what is in files that are left, and numbers the others.
    pub(super) fn leave(&mut self, parts: &[TablePart], left: &[usize]) {
        if left.is_empty() {
            return;
        }
        let stays: Vec<bool> = (0..self.files.len()).map(|file| !left.contains(&file)).collect();
        if left.iter().any(|file| self.files[*file].live > 0) {
            self.write(parts, |_, kept| !stays[kept.file as usize]);
        }
        let before = |file: usize| stays[..file].iter().filter(|stays| **stays).count() as u32;
        let numbers: Vec<u32> = (0..self.files.len()).map(before).collect();
        for kept in self.kept.iter_mut().flatten() {
            kept.file = numbers[kept.file as usize];
        }
        for part in &mut self.changes {
            assert!(stays[part.file as usize], "a file with a log stays");
            part.file = numbers[part.file as usize];
        }
        let mut stays = stays.into_iter();
        self.files.retain(|_| stays.next().expect("one for each"));
    }
}
