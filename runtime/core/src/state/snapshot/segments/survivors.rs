//! Segments that outlive their task, for the one that takes its place.
//!
//! ```text
//! task fails or is canceled --> KeyTable is dropped --> Survivors: segments that have not changed since
//!                                                       a checkpoint that the table remembers
//! its next run starts --------> contents of the checkpoint --> the same one? --> segment by segment, each
//!                                                                                given back as it is read
//! ```
//!
//! What the checkpoint's files have is the truth. A segment is taken from memory only if the table of
//! contents that is restored says of every segment what this table remembers to have written, file,
//! place and checksum, and if it has changed in no way since that checkpoint froze it. Where the bytes in
//! the file are those in memory, not older ones with a log of changes, the file's checksum is checked,
//! too. Anything else is read from the files.
//!
//! What changed is not kept, nor what it was before: decision 0020 says what that would cost. So between
//! two runs a job holds at most what it held; while it starts, a segment is free again as soon as its
//! entries are read, and all are if there is no memory for something else.
//!
//! Thread: tables are dropped and made on their worker; a job's master forgets all in the end.

use brisk_memory::{HeldIndex, Holding};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Contents, History, contents::StoredPart, history::Remembered};
use crate::{
    checkpoint::handle::{NamedState, StateHandle},
    graph::OperatorId,
    state::{
        supply::GivesWay,
        table::{Legacy, TablePart, Version},
    },
};

/// Which table: an operator and its subtask.
type Key = (OperatorId, u32);

/// Those of a job. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Survivors(Arc<Mutex<BTreeMap<Key, Surviving>>>);

/// What is left of one table.
struct Surviving {
    known: Vec<Remembered>,
    segments: Segments,
}

/// Segments that have not changed since the latest checkpoint that is known.
struct Segments {
    index: Holding,
    log: Option<Holding>,
    /// Of which they are, by whether they are of the log, and number.
    parts: BTreeMap<(bool, u32), TablePart>,
}

/// Segments of the checkpoint that is restored.
struct AtHand {
    frozen: Version,
    segment_bytes: usize,
    segments: Segments,
}

/// Where one operator of one subtask leaves its segments, and finds them.
pub(crate) struct SurvivorsPlace {
    of_job: Survivors,
    key: Key,
    at_hand: RefCell<Option<AtHand>>,
    taken: Cell<usize>,
}

/// Whether a part is of the log, and its number.
fn place_of(part: &TablePart) -> (bool, u32) {
    (!part.kind.is_bucket(), part.number)
}

impl Survivors {
    /// The place of an operator's subtask.
    pub(crate) fn place(&self, operator: OperatorId, subtask: u32) -> SurvivorsPlace {
        let (key, of_job) = ((operator, subtask), self.clone());
        SurvivorsPlace { of_job, key, at_hand: RefCell::default(), taken: Cell::new(0) }
    }

    /// Forgets what these operators of a subtask have left.
    pub(crate) fn forget(&self, operators: impl Iterator<Item = OperatorId>, subtask: u32) {
        let mut all = self.lock();
        operators.for_each(|operator| drop(all.remove(&(operator, subtask))));
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Surviving>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SurvivorsPlace {
    /// What is done with what a table leaves.
    pub(in crate::state) fn heir(&self, history: &History) -> impl FnOnce(Legacy) + use<> {
        // Whatever is there still is of no use to anybody.
        drop(self.of_job.lock().remove(&self.key));
        let (of_job, key, history) = (self.of_job.clone(), self.key, history.clone());
        move |legacy| {
            if let Some(surviving) = Surviving::of(legacy, history.take()) {
                of_job.lock().insert(key, surviving);
            }
        }
    }

    /// Looks for segments of the checkpoint with these contents in these files; others are given up.
    pub(super) fn find(&self, contents: &Contents, files: &[NamedState]) {
        let found = self.of_job.lock().remove(&self.key);
        *self.at_hand.borrow_mut() = found.and_then(|found| found.matching(contents, files));
    }

    /// What a segment of the checkpoint was, if it is here; it is not any more then.
    pub(super) fn take(&self, part: &StoredPart) -> Option<Vec<u8>> {
        let bytes = self.at_hand.borrow_mut().as_mut()?.take(part)?;
        self.taken.set(self.taken.get() + 1);
        Some(bytes)
    }

    /// Lets go of what was not wanted; how many segments were taken.
    pub(super) fn finish(&self) -> usize {
        *self.at_hand.borrow_mut() = None;
        self.taken.replace(0)
    }
}

impl GivesWay for SurvivorsPlace {
    fn give_way(&self) -> bool {
        self.at_hand.try_borrow_mut().is_ok_and(|mut at_hand| at_hand.take().is_some())
    }
}

impl Surviving {
    /// Keeps what a checkpoint may have; `None` if there is nothing.
    fn of(legacy: Legacy, known: Vec<Remembered>) -> Option<Self> {
        let latest = known.iter().map(|known| known.frozen).max()?;
        let Legacy { parts, mut index, mut log } = legacy;
        let mut kept = BTreeMap::new();
        for part in parts {
            let holding = if part.kind.is_bucket() { &mut index } else { log.as_mut()? };
            let number = HeldIndex(part.number);
            if part.last_changed() > latest && holding.has(number) {
                holding.remove(number);
            } else if holding.has(number) {
                kept.insert(place_of(&part), part);
            }
        }
        let segments = Segments { index, log, parts: kept };
        (!segments.parts.is_empty()).then_some(Self { known, segments })
    }

    fn matching(self, contents: &Contents, files: &[NamedState]) -> Option<AtHand> {
        let Self { known, segments } = self;
        let found = known.into_iter().find(|known| known.is_of(contents, files))?;
        let segment_bytes = contents.segment_bytes;
        let is_of_size = segments.index.segment_bytes() == segment_bytes;
        is_of_size.then_some(AtHand { frozen: found.frozen, segment_bytes, segments })
    }
}

impl Remembered {
    /// Whether these contents in these files are what was written.
    fn is_of(&self, contents: &Contents, files: &[NamedState]) -> bool {
        let path = |state: &StateHandle| state.file().map(|slice| slice.path.clone());
        let own = self.files.iter().map(|file| Some(file.path.clone()));
        let is_same = |(one, other): (&StoredPart, &StoredPart)| {
            let [one, other] =
                [one, other].map(|part| (part.kind, part.number, part.file, part.at));
            one == other
        };
        self.parts.len() == contents.parts.len()
            && self.parts.iter().zip(&contents.parts).all(is_same)
            && own.eq(files.iter().map(|file| path(&file.state)))
    }
}

impl AtHand {
    fn take(&mut self, part: &StoredPart) -> Option<Vec<u8>> {
        let Segments { index, log, parts } = &mut self.segments;
        let held = parts.remove(&(!part.kind.is_bucket(), part.number))?;
        let holding = if held.kind.is_bucket() { index } else { log.as_mut()? };
        let number = HeldIndex(part.number);
        let bytes = holding.bytes(number).to_vec();
        holding.remove(number);
        if held.kind != part.kind || held.last_changed() > self.frozen {
            return None;
        }
        // Without a log the age is not in the contents, and of no meaning.
        let is_as_stored = held.logged <= self.frozen.before(part.age);
        let is_comparable = is_as_stored && part.at.len as usize == self.segment_bytes;
        if is_comparable && crc32c::crc32c(&bytes) != part.at.checksum {
            tracing::warn!("a segment in memory is not what was written; its file is read instead");
            return None;
        }
        Some(bytes)
    }
}

impl History {
    /// All checkpoints that are remembered, which are forgotten.
    fn take(&self) -> Vec<Remembered> {
        mem::take(&mut self.0.borrow_mut().checkpoints).into()
    }
}

impl fmt::Debug for Survivors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Survivors").field(&self.lock().len()).finish()
    }
}

impl fmt::Debug for SurvivorsPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurvivorsPlace").field("key", &self.key).finish_non_exhaustive()
    }
}
