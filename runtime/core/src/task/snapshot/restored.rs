//! What an operator gets back when its task starts from a checkpoint.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use super::{TIME_BYTES, schema_of};
use crate::{
    Record,
    checkpoint::{
        handle::{ChannelStateHandle, FileSlice, StateHandle, StateSchema},
        restore::{InFlight, KeyedShare, OperatorShare, SubtaskShare, check_schema},
        storage::{
            Disk, FileSystemStorage, StateReader, StorageError, StoredSegment,
            segments::SegmentReader,
        },
    },
    error::TaskError,
    graph::{OperatorId, SubtaskIndex},
    record::{AlignedBytes, checked_copy},
    state::{Survivors, SurvivorsPlace},
    task::OperatorPlan,
    time::Timestamp,
};

/// What a task reads state with, while it starts.
pub(crate) type StartDisk = Rc<RefCell<Option<Disk>>>;

/// What a subtask starts from: part of its plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskRestore {
    /// The checkpoint's folder, against which its files are found; anything where all is inline.
    pub folder: PathBuf,
    /// A folder that stands for it, with copies at hand of some of its files.
    pub copies: Option<PathBuf>,
    /// What each operator of the chain gets. One that is not named begins empty.
    pub operators: BTreeMap<OperatorId, SubtaskShare>,
    /// What was in flight towards this subtask, in the order in which it is to be read; in-flight
    /// buffers in `operators` are not looked at.
    pub in_flight: Vec<InFlight>,
}

/// The share of one operator. Reading it waits for the disk, so it is read when the task starts and
/// at no other time.
#[derive(Clone)]
pub struct RestoredState {
    restore: Option<Arc<TaskRestore>>,
    operator: OperatorId,
    /// How messages call the operator.
    label: String,
    /// There while the task starts, when there is something to read.
    disk: StartDisk,
    /// What the run before has left in memory, and where this one leaves it.
    survivors: Rc<SurvivorsPlace>,
}

impl RestoredState {
    pub(crate) fn new(
        restore: Option<Arc<TaskRestore>>,
        operator: &OperatorPlan,
        disk: Option<StartDisk>,
    ) -> Self {
        let label = format!("'{}' (id {})", operator.name, operator.id);
        // Of nobody.
        let survivors = Rc::new(Survivors::default().place(operator.id, 0));
        Self { restore, operator: operator.id, label, disk: disk.unwrap_or_default(), survivors }
    }

    /// The same for a subtask whose segments outlive it.
    pub(crate) fn with_survivors(self, of_job: &Survivors, subtask: u32) -> Self {
        let survivors = Rc::new(of_job.place(self.operator, subtask));
        Self { survivors, ..self }
    }

    /// What the run before has left in memory, and where this one leaves it.
    pub(crate) fn survivors(&self) -> &Rc<SurvivorsPlace> {
        &self.survivors
    }

    /// Whether the job starts from a checkpoint, though this operator may have nothing in it.
    pub fn is_restored(&self) -> bool {
        self.restore.is_some()
    }

    /// Whether this subtask had seen all its input and made all it makes of it.
    pub fn is_finished(&self) -> bool {
        self.share().is_some_and(|share| share.finished)
    }

    /// How many subtasks the operator had, and those of them that had not finished.
    pub(crate) fn subtasks_then(&self) -> (u32, &[SubtaskIndex]) {
        self.share().map_or((0, &[]), |share| (share.subtasks_then, &share.running_then))
    }

    /// How messages call the operator: its name and id.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    fn share(&self) -> Option<&SubtaskShare> {
        self.restore.as_ref()?.operators.get(&self.operator)
    }

    /// The state of elements of this name; `None` if the checkpoint has none.
    pub fn list(&self, name: &str) -> Option<&OperatorShare> {
        self.share()?.operator.iter().find(|list| list.schema.name == name)
    }

    /// The elements of a list, in order.
    ///
    /// # Errors
    /// If they can't be read, or are not what was written.
    pub fn elements(&self, list: &OperatorShare) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut elements = Vec::new();
        for part in &list.elements {
            let mut bytes = Vec::new();
            self.read(&part.state, 0..part.state.len(), |piece| {
                bytes.extend_from_slice(piece);
                Ok(())
            })?;
            let slices = part.elements.iter().map(|at| at.start as usize..at.end as usize);
            elements.extend(slices.map(|at| bytes[at].to_vec()));
        }
        Ok(elements)
    }

    /// The elements of the list of this name; `None` when the job starts from no checkpoint.
    ///
    /// # Errors
    /// As [`RestoredState::elements`].
    pub(crate) fn list_elements(&self, name: &str) -> Result<Option<Vec<Vec<u8>>>, TaskError> {
        if !self.is_restored() {
            return Ok(None);
        }
        let Some(list) = self.list(name) else { return Ok(Some(Vec::new())) };
        Ok(Some(self.elements(list)?))
    }

    /// The records of the list of this name; `None` when the job starts from no checkpoint, or from
    /// one that does not know this operator.
    ///
    /// # Errors
    /// As [`RestoredState::elements`], and if they were records of another type.
    pub(crate) fn records<T: Record>(&self, name: &str) -> Result<Option<Vec<T>>, TaskError> {
        if self.share().is_none() {
            return Ok(None);
        }
        let elements = self.elements_of::<T>(name)?;
        let decoded = elements.iter().map(|bytes| decode_element::<T>(name, bytes));
        decoded.collect::<Result<_, _>>().map(Some)
    }

    /// The records of a list of timed records, and their event times.
    ///
    /// # Errors
    /// As [`RestoredState::records`].
    pub(crate) fn timed_records<T: Record>(
        &self,
        name: &str,
    ) -> Result<Vec<(T, Option<Timestamp>)>, TaskError> {
        let elements = self.elements_of::<T>(name)?;
        let decoded = elements.iter().map(|bytes| {
            let Some((archive, time)) = bytes.split_last_chunk::<TIME_BYTES>() else {
                return decode_element::<T>(name, bytes).map(|record| (record, None));
            };
            let (is_timed, millis) = time.split_first_chunk::<1>().expect("nine bytes");
            let millis = i64::from_le_bytes(millis.try_into().expect("eight bytes"));
            let time = (*is_timed == [1]).then(|| Timestamp::from_millis(millis));
            Ok((decode_element::<T>(name, archive)?, time))
        });
        decoded.collect()
    }

    /// The elements of a list of records of this type; none if the checkpoint has no such list.
    fn elements_of<T: Record>(&self, name: &str) -> Result<Vec<Vec<u8>>, TaskError> {
        let Some(list) = self.list(name) else { return Ok(Vec::new()) };
        let now = StateSchema { kind: list.schema.kind, ..schema_of::<T>(name) };
        check_schema(&self.label, &list.schema, &now)?;
        Ok(self.elements(list)?)
    }

    /// The keyed state of this subtask's key groups, from one handle or several.
    pub fn keyed(&self) -> &[KeyedShare] {
        self.share().map_or(&[], |share| &share.keyed)
    }

    /// Hands `each` the bytes of a share, piece by piece: those of its groups where the format has
    /// them in order, else all.
    ///
    /// # Errors
    /// If they can't be read or are not what was written, or `each` says so.
    pub fn read_keyed(
        &self,
        share: &KeyedShare,
        each: impl FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let all = 0..share.handle.state.len();
        self.read(&share.handle.state, share.bytes.clone().unwrap_or(all), each)
    }

    /// A segment of so many bytes in a part of a file, which `reader` has open from then on.
    ///
    /// # Errors
    /// As [`RestoredState::read_keyed`].
    pub(crate) fn read_segment(
        &self,
        reader: &mut Option<SegmentReader>,
        slice: &FileSlice,
        segment: (StoredSegment, usize),
    ) -> Result<Vec<u8>, StorageError> {
        let mut disk = self.disk.borrow_mut();
        let disk = disk.as_mut().expect("state is read when its task starts");
        let restore = self.restore.as_ref().expect("who has a handle has a checkpoint");
        let path = FileSystemStorage::resolve(&restore.folder, &slice.path);
        if reader.is_none() {
            let copy = restore.copies.as_ref();
            let copy = copy.map(|copies| FileSystemStorage::resolve(copies, &slice.path));
            *reader = copy.and_then(|copy| SegmentReader::open(disk, &copy).ok());
        }
        if let Some(copy) = reader.as_mut().filter(|reader| reader.path() != path) {
            match copy.read(disk, segment) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => tracing::warn!("not restored from a copy at hand: {error}"),
            }
            *reader = None;
        }
        let reader = match reader {
            Some(reader) => reader,
            None => reader.insert(SegmentReader::open(disk, &path)?),
        };
        reader.read(disk, segment)
    }

    /// The buffers that were in flight in one channel, oldest first.
    ///
    /// # Errors
    /// As [`RestoredState::read_keyed`].
    pub(crate) fn buffers(
        &self,
        state: &ChannelStateHandle,
    ) -> Result<Vec<AlignedBytes>, StorageError> {
        let mut all = Vec::new();
        self.read(&state.state, 0..state.state.len(), |piece| {
            all.extend_from_slice(piece);
            Ok(())
        })?;
        let begins = state.offsets.iter().map(|at| *at as usize);
        let ends = begins.clone().skip(1).chain([all.len()]);
        let buffers = begins.zip(ends).map(|(begin, end)| {
            let mut buffer = AlignedBytes::with_capacity(end - begin);
            buffer.extend_from_slice(&all[begin..end]);
            buffer
        });
        Ok(buffers.collect())
    }

    /// Hands `each` the bytes of a part of a state, piece by piece.
    ///
    /// # Errors
    /// As [`RestoredState::read_keyed`].
    pub fn read(
        &self,
        state: &StateHandle,
        part: Range<u64>,
        mut each: impl FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let slice = match state {
            StateHandle::Inline(bytes) => {
                return each(&bytes[part.start as usize..part.end as usize]);
            }
            StateHandle::File(slice) => slice,
        };
        let restore = self.restore.as_ref().expect("who has a handle has a checkpoint");
        let path = FileSystemStorage::resolve(&restore.folder, &slice.path);
        let mut disk = self.disk.borrow_mut();
        let disk = disk.as_mut().expect("state is read when its task starts");
        let copy = restore.copies.as_ref();
        let copy = copy.map(|copies| FileSystemStorage::resolve(copies, &slice.path));
        let path = copy.filter(|copy| is_whole(disk, copy, slice)).unwrap_or(path);
        let mut reader = StateReader::open(disk, &path, slice)?;
        reader.skip_to(disk, part.start)?;
        let mut at = reader.position();
        while at < part.end
            && let Some(block) = reader.next_block(disk)?
        {
            let from = part.start.saturating_sub(at) as usize;
            let to = (part.end - at).min(block.len() as u64) as usize;
            each(&block[from..to])?;
            at += block.len() as u64;
        }
        // The checksum of the whole is looked at behind the last block.
        if at == slice.len && reader.next_block(disk)?.is_some() {
            unreachable!("a reader ends where its state does");
        }
        Ok(())
    }
}

/// Whether a copy of a state is there and has its checksum: it is read from end to end.
fn is_whole(disk: &mut Disk, path: &Path, slice: &FileSlice) -> bool {
    let mut look = || -> Result<(), StorageError> {
        let mut reader = StateReader::open(disk, path, slice)?;
        while reader.next_block(disk)?.is_some() {}
        Ok(())
    };
    let looked = look();
    if let Err(error) = &looked {
        tracing::info!("not restored from a copy at hand: {error}");
    }
    looked.is_ok()
}

/// The record in an element of the list `name`, whose bytes came from a disk.
fn decode_element<T: Record>(name: &str, bytes: &[u8]) -> Result<T, TaskError> {
    let damaged = |cause| TaskError::DamagedState { state: name.to_string(), cause };
    checked_copy::<T>(bytes).map_err(damaged)
}

impl fmt::Debug for RestoredState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoredState").field("operator", &self.operator).finish_non_exhaustive()
    }
}
