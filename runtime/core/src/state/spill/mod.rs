//! Segments of state on disk, where managed memory has no room for them.
//!
//! ```text
//!   SpillGround   of a job: the directories, opened when the first operator needs them
//!      | Spill    of an operator: a driver of its own, places in spill files, figures
//!      | DiskCopy what a segment was; its place is free when the last holder lets go of it
//! ```
//!
//! Reading and writing wait for the disk, so the worker does, too. What is written is never changed: a
//! table that has read a segment back, and a checkpoint that still wants what it was, have the same copy.
//!
//! Thread: a ground is shared, the rest is the task's.

mod figures;
mod ground;

use brisk_memory::{
    Buffer, Segment, SegmentSize,
    driver::{Completion, DriverError, IoBuffer, Operation},
    spill::{SpillError, SpillSlot, SpillSlots},
};
use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use super::StateError;
use crate::checkpoint::storage::Disk;

pub use figures::SpillFigures;
pub use ground::SpillGround;

/// What a segment was when it was written. Clones are the same.
#[derive(Clone, Debug)]
pub(in crate::state) struct DiskCopy(Rc<SpillSlot>);

/// Opens the disk on which segments go.
pub type OpenSpillDisk = Rc<dyn Fn() -> Result<Disk, DriverError>>;

/// What an operator's state spills with.
#[derive(Clone)]
pub struct SpillOptions {
    /// The directories.
    pub ground: Arc<SpillGround>,
    /// How they are reached.
    pub open_disk: OpenSpillDisk,
    /// Counted there.
    pub figures: Rc<SpillFigures>,
}

/// Where the state of one operator spills to. Clones are the same.
#[derive(Clone)]
pub(in crate::state) struct Spill(Rc<Inner>);

struct Inner {
    options: SpillOptions,
    owner: String,
    segment_size: SegmentSize,
    /// Segments that are on disk alone.
    away: Cell<usize>,
    open: RefCell<Option<Open>>,
}

struct Open {
    slots: SpillSlots,
    /// None while a simulation is to go on: its time stands still while an idle driver is kept.
    disk: Option<Disk>,
}

impl Spill {
    /// For segments of this size. `owner` is named in messages.
    pub(in crate::state) fn new(
        options: SpillOptions,
        owner: String,
        segment_size: SegmentSize,
    ) -> Self {
        let (away, open) = (Cell::new(0), RefCell::new(None));
        Self(Rc::new(Inner { options, owner, segment_size, away, open }))
    }

    /// Bytes of each.
    pub(in crate::state) fn segment_bytes(&self) -> usize {
        self.0.segment_size.bytes()
    }

    /// What it comes to.
    #[cfg(test)]
    pub(in crate::state) fn figures(&self) -> Rc<SpillFigures> {
        Rc::clone(&self.0.options.figures)
    }

    /// Whether segments are on disk alone, of any table.
    pub(in crate::state) fn is_in_use(&self) -> bool {
        self.0.away.get() > 0
    }

    /// So many segments more are on disk alone.
    pub(in crate::state) fn went(&self, segments: usize) {
        self.0.away.set(self.0.away.get() + segments);
        self.0.options.figures.went(segments);
    }

    /// So many fewer are.
    pub(in crate::state) fn came(&self, segments: usize) {
        let away = self.0.away.get().checked_sub(segments);
        self.0.away.set(away.expect("what comes back was away"));
        self.0.options.figures.came(segments);
    }

    /// Writes segments, one copy for each.
    ///
    /// # Errors
    /// If there is no directory, no room in any, or the disk fails.
    pub(in crate::state) fn write(
        &self,
        segments: Vec<Buffer>,
    ) -> Result<Vec<DiskCopy>, StateError> {
        let count = segments.len();
        let mut slots = Vec::with_capacity(count);
        let mut operations = Vec::with_capacity(count);
        self.with_open(|open| {
            for segment in segments {
                let mut slot = open.slots.take()?;
                operations.push(slot.write(IoBuffer::Buffer(segment)));
                slots.push(slot);
            }
            Ok(())
        })?;
        let mut ended = self.run(operations)?;
        for (slot, completion) in slots.iter().zip(&mut ended) {
            slot.written(completion)?;
        }
        self.0.options.figures.wrote((count * self.0.segment_size.bytes()) as u64);
        Ok(slots.into_iter().map(|slot| DiskCopy(Rc::new(slot))).collect())
    }

    /// Reads copies back, each into its buffer.
    ///
    /// # Errors
    /// If the disk fails, or has something else.
    pub(in crate::state) fn read(
        &self,
        wanted: Vec<(&DiskCopy, IoBuffer)>,
    ) -> Result<Vec<IoBuffer>, StateError> {
        let copies: Vec<&DiskCopy> = wanted.iter().map(|(copy, _)| *copy).collect();
        let operations = wanted.into_iter().map(|(copy, buffer)| copy.0.read(buffer)).collect();
        let ended = self.run(operations)?;
        let read = copies.iter().zip(ended).map(|(copy, completion)| copy.0.arrived(completion));
        let read = read.collect::<Result<Vec<IoBuffer>, SpillError>>()?;
        self.0.options.figures.read((read.len() * self.0.segment_size.bytes()) as u64);
        Ok(read)
    }

    /// Reads a copy back into a segment.
    ///
    /// # Errors
    /// If the disk fails, or has something else.
    pub(in crate::state) fn read_segment(
        &self,
        copy: &DiskCopy,
        into: Segment,
    ) -> Result<Segment, StateError> {
        let read = self.read(vec![(copy, IoBuffer::Segment(into))])?.pop();
        match read {
            Some(IoBuffer::Segment(segment)) => Ok(segment),
            _ => unreachable!("a buffer comes back as what it was"),
        }
    }

    fn run(&self, operations: Vec<Operation>) -> Result<Vec<Completion>, StateError> {
        self.with_open(|open| {
            let mut disk = match open.disk.take() {
                Some(disk) => disk,
                None => self.open_disk()?,
            };
            let ended = disk.run(operations);
            open.disk = (!disk.is_simulated()).then_some(disk);
            Ok(ended)
        })
    }

    fn open_disk(&self) -> Result<Disk, SpillError> {
        let owner = self.0.owner.clone();
        (self.0.options.open_disk)().map_err(|source| SpillError::Create { owner, source })
    }

    fn with_open<T>(
        &self,
        act: impl FnOnce(&mut Open) -> Result<T, SpillError>,
    ) -> Result<T, StateError> {
        let mut open = self.0.open.borrow_mut();
        let open = match &mut *open {
            Some(open) => open,
            none => none.insert(self.begin()?),
        };
        Ok(act(open)?)
    }

    #[cold]
    fn begin(&self) -> Result<Open, StateError> {
        let Inner { options, owner, segment_size, .. } = &*self.0;
        let disk = self.open_disk()?;
        let area = options.ground.area(disk.files())?;
        tracing::warn!(
            "{owner}: managed memory is full, and what is cold goes to disk from now on (io.tmp.dirs). \
             State is faster in memory: see taskmanager.memory.managed.size"
        );
        let slots = SpillSlots::new(area, owner.clone(), segment_size.bytes());
        Ok(Open { slots, disk: (!disk.is_simulated()).then_some(disk) })
    }
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spill").field("away", &self.0.away).finish_non_exhaustive()
    }
}

impl fmt::Debug for SpillOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpillOptions").field("ground", &self.ground).finish_non_exhaustive()
    }
}
