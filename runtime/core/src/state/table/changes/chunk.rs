//! The parts of a log of changes, which whoever writes them shares with it.

use brisk_memory::{
    Buffer, Segment,
    driver::{AlignedBytes, IoBuffer},
};
use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
};

use crate::state::{supply::GivesWay, table::version::Version};

/// Changes one behind the other. Clones are the same.
#[derive(Clone)]
pub(in crate::state) struct Chunk {
    /// All of them came before the freeze that ended this one, and after the freeze before.
    pub(in crate::state) version: Version,
    /// Bytes of them.
    pub(in crate::state) used: u32,
    bytes: Rc<RefCell<Bytes>>,
}

enum Bytes {
    Segment(Buffer),
    /// Where the segment was needed for something else.
    Heap(AlignedBytes),
}

impl Chunk {
    /// All bytes of its segment, to write them.
    pub(in crate::state) fn bytes(&self) -> IoBuffer {
        match &*self.bytes.borrow() {
            Bytes::Segment(buffer) => IoBuffer::Buffer(buffer.clone()),
            Bytes::Heap(bytes) => IoBuffer::Heap(AlignedBytes::copy_of(bytes.as_slice())),
        }
    }

    /// Gives its segment back, should nobody else write it just now.
    fn move_to_heap(&self) {
        let mut bytes = self.bytes.borrow_mut();
        if let Bytes::Segment(buffer) = &*bytes {
            *bytes = Bytes::Heap(AlignedBytes::copy_of(buffer));
        }
    }
}

/// Chunks that are given back when one is added.
const SPENT_AT_ONCE: usize = 2;

/// The segments of a log, all of which may be needed for something else.
#[derive(Default)]
pub(super) struct Lent {
    /// The one that is written, not there while it is.
    pub(super) head: Cell<Option<Segment>>,
    pub(super) kept: RefCell<Kept>,
}

/// What is kept of a log.
#[derive(Default)]
pub(super) struct Kept {
    /// Oldest first; the last ones belong to no version yet.
    chunks: Vec<Chunk>,
    fresh: usize,
    /// Of no use any more. They go one by one, since thousands at a barrier would be a pause.
    spent: Vec<Chunk>,
    /// The memory was needed for something else: the log is not complete any more.
    pub(super) gave_way: bool,
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.chunks.len() + self.spent.len()
    }

    /// Adds a segment of so many bytes of changes, and gives others back.
    pub(super) fn add(&mut self, mut segment: Segment, used: usize) {
        self.spent.truncate(self.spent.len().saturating_sub(SPENT_AT_ONCE));
        let size = segment.size();
        // Of its last use.
        segment.as_mut_slice()[used..].fill(0);
        let bytes = Rc::new(RefCell::new(Bytes::Segment(segment.freeze(size))));
        self.chunks.push(Chunk { version: Version::FIRST, used: used as u32, bytes });
        self.fresh += 1;
    }

    /// The latest ones came before a freeze that ended `version`.
    pub(super) fn freeze(&mut self, version: Version) {
        let latest = self.chunks.iter_mut().rev().take(std::mem::take(&mut self.fresh));
        latest.for_each(|chunk| chunk.version = version);
    }

    /// Those behind the freeze that ended `version`; others are forgotten.
    pub(super) fn since(&mut self, version: Version) -> Vec<Chunk> {
        let spent = self.chunks.iter().take_while(|chunk| chunk.version <= version).count();
        self.spent.extend(self.chunks.drain(..spent));
        self.chunks.clone()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.spent.clear();
        self.fresh = 0;
    }
}

impl GivesWay for Lent {
    fn give_way(&self) -> bool {
        let Ok(mut kept) = self.kept.try_borrow_mut() else { return false };
        let had_head = self.head.take().is_some();
        kept.gave_way |= had_head || !kept.chunks.is_empty();
        let any = had_head || !kept.chunks.is_empty() || !kept.spent.is_empty();
        let is_shared = |chunk: &&Chunk| Rc::strong_count(&chunk.bytes) > 1;
        kept.chunks.iter().chain(&kept.spent).filter(is_shared).for_each(Chunk::move_to_heap);
        kept.clear();
        any
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("version", &self.version)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}
