//! What a checkpoint writes of a table, and what it has already.
//!
//! A part that changed in no way but by what the log of changes has can stay where it is. So that neither
//! the log grows without end nor the files that have it are many, some of these parts are written anew
//! with each checkpoint that adds to the log, those first that need most of it: as many as makes it
//! [`log_max`] long, or spreads it over [`LOGS_MAX`] files.

use super::{
    FILES_MAX,
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
    /// For the plan, with anything in it.
    pub(super) kept: Vec<Option<Kept>>,
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

/// See the module's page.
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
}

/// Segments of log that a table of so many parts may have.
fn log_max(parts: usize, segment_bytes: usize) -> usize {
    parts.min(LOG_BYTES_MAX / segment_bytes).max(1)
}

impl Plan {
    /// Of all parts.
    pub(super) fn whole(cut: &mut Cut<'_>) -> Self {
        let (files, changes, chunks) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = std::mem::take(&mut cut.kept);
        kept.clear();
        kept.resize(cut.parts.len(), None);
        Self { frozen: cut.frozen, files, kept, changes, chunks }
    }

    /// Of what is not in an earlier checkpoint.
    pub(super) fn based_on(known: &Remembered, mut cut: Cut<'_>) -> Self {
        let mut plan = Self::whole(&mut cut);
        plan.files = known.files.clone();
        plan.keep(known, &cut);
        let Cut { parts, segment_bytes, changes, .. } = cut;
        if let Some(chunks) = changes {
            plan.log(known.frozen, chunks, (parts, segment_bytes));
        }
        plan.drop_changes(parts);
        let log = plan.changes.len() + plan.chunks.len();
        if log > 2 * log_max(parts.len(), segment_bytes) {
            plan.drop_log(parts);
        }
        plan.leave_files();
        if plan.files.len() > FILES_MAX {
            plan.drop_log(parts);
            plan.leave_files();
        }
        plan
    }

    /// Finds what has not changed but by the log. Both are ordered alike.
    fn keep(&mut self, known: &Remembered, cut: &Cut<'_>) {
        let has_changes = cut.changes.is_some();
        let mut stored = known.parts.iter().peekable();
        for (part, kept) in cut.parts.iter().zip(&mut self.kept) {
            let own = (order(part.kind), part.number);
            while stored.next_if(|stored| (order(stored.kind), stored.number) < own).is_some() {}
            let found = stored.peek().filter(|stored| (order(stored.kind), stored.number) == own);
            let is_known =
                part.changed <= known.frozen && (has_changes || part.logged <= known.frozen);
            if let Some(StoredPart { file, at, age, .. }) = found
                && is_known
            {
                let frozen = known.frozen.before(*age);
                *kept = Some(Kept { file: *file, at: *at, frozen });
            }
        }
        for part in stored {
            if let PartKind::Changes { used } = part.kind {
                let version = known.frozen.before(part.age);
                let (file, at) = (part.file, part.at);
                self.changes.push(StoredChanges { version, used, file, at });
            }
        }
    }

    /// Adds to the log, if that and what is written anew for it is less than the parts it spares.
    fn log(&mut self, base: Version, chunks: Vec<Chunk>, (parts, bytes): (&[TablePart], usize)) {
        let is_spared = |part: &TablePart| part.logged > base;
        let spared = parts.iter().zip(&self.kept);
        let spared = spared.filter(|(part, kept)| kept.is_some() && is_spared(part)).count();
        let mut needy: Vec<(Version, usize)> = self.needy(parts).collect();
        let by_log = needy.len() * chunks.len() / log_max(parts.len(), bytes);
        let by_files = needy.len().div_ceil(LOGS_MAX);
        let anew = by_log.max(by_files).min(needy.len());
        if !chunks.is_empty() && (chunks.len() + anew) * WORTH > spared {
            for (part, kept) in parts.iter().zip(&mut self.kept) {
                *kept = kept.filter(|_| !is_spared(part));
            }
            return;
        }
        if anew > 0 && !chunks.is_empty() {
            needy.select_nth_unstable(anew - 1);
            needy[..anew].iter().for_each(|(_, part)| self.kept[*part] = None);
        }
        self.chunks = chunks;
    }

    /// The parts that need a log: since when, and which.
    fn needy(&self, parts: &[TablePart]) -> impl Iterator<Item = (Version, usize)> {
        let kept = self.kept.iter().zip(parts).enumerate();
        kept.filter_map(|(at, (kept, part))| {
            let kept = kept.as_ref().filter(|kept| part.logged > kept.frozen)?;
            Some((kept.frozen, at))
        })
    }

    /// Forgets the log that no part needs.
    fn drop_changes(&mut self, parts: &[TablePart]) {
        let since = self.needy(parts).map(|(frozen, _)| frozen).min();
        let is_needed = |version: Version| since.is_some_and(|since| version > since);
        self.changes.retain(|part| is_needed(part.version));
        self.chunks.retain(|chunk| is_needed(chunk.version));
    }

    /// Writes all parts anew that need a log.
    fn drop_log(&mut self, parts: &[TablePart]) {
        let needy: Vec<(Version, usize)> = self.needy(parts).collect();
        needy.into_iter().for_each(|(_, part)| self.kept[part] = None);
        self.changes.clear();
        self.chunks.clear();
    }
}
