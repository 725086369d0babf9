//! What one operator hands over at a barrier.

use brisk_memory::driver::IoBuffer;
use std::{any::type_name, cell::Cell, fmt, rc::Rc};

use crate::{
    Record,
    checkpoint::{
        CheckpointId, CheckpointKind, SavepointFormat,
        handle::{
            BackendKind, KeyGroupOffset, NamedState, RedistributionMode, StateKind, StateSchema,
        },
        storage::{FileTarget, Placed},
    },
    error::BoxError,
    graph::KeyGroupRange,
    record::{Archived, RecordEncoder},
    time::Timestamp,
};

/// Elements that are dealt out when they are restored.
#[derive(Clone, Debug)]
pub struct ListSnapshot {
    /// Name and types.
    pub schema: StateSchema,
    /// How they are dealt out.
    pub mode: RedistributionMode,
    /// Their bytes, in order.
    pub elements: Vec<Vec<u8>>,
}

/// Keyed state as it was at the barrier.
pub struct KeyedSnapshot {
    /// Who can read it.
    pub backend: BackendKind,
    /// Its key groups.
    pub range: KeyGroupRange,
    /// The states in it.
    pub schemas: Vec<StateSchema>,
    /// Its bytes.
    pub stream: Box<dyn KeyedStream>,
}

/// The bytes of keyed state, made as they are written, while the operator goes on.
pub trait KeyedStream {
    /// Begins what goes on by itself, such as copying files. Called once, before anything else.
    fn begin(&mut self, _target: &FileTarget) {}

    /// Whether [`KeyedStream::next`] can be called; whoever says no rings the worker's bell later.
    fn is_ready(&self) -> bool {
        true
    }

    /// Appends the next some 100 KiB to `out`; false, and nothing, when all was made.
    ///
    /// # Errors
    /// When the state can't be read: the checkpoint is declined, the task goes on.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError>;

    /// Where each key group with state began among the bytes, in order. Once, at the end.
    fn offsets(&mut self) -> Vec<KeyGroupOffset>;

    /// Segments of memory that are to be written before any of the bytes; none for most.
    fn segments(&mut self) -> Option<&mut dyn SegmentSource> {
        None
    }

    /// What other checkpoints may name, too. Once, at the end.
    fn shared(&mut self) -> Vec<NamedState> {
        Vec::new()
    }

    /// Bytes of it that were written for this checkpoint, segments aside.
    fn shared_bytes(&self) -> u64 {
        0
    }
}

/// Segments of memory on their way to a file.
pub trait SegmentSource {
    /// The next one, or a copy of it; none when all were given out. Each is answered by
    /// [`SegmentSource::placed`] before the next one is asked for.
    ///
    /// # Errors
    /// When it is on disk and can't be read: the checkpoint is declined.
    fn next(&mut self) -> Result<Option<IoBuffer>, BoxError>;

    /// Where the last one is.
    fn placed(&mut self, placed: Placed);

    /// Whether the operator should rest until all were given out, since there was no memory for
    /// copies of what it changes.
    fn is_starved(&self) -> bool;
}

/// A checkpoint into files, for who writes segments of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentCheckpoint {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Whose shared files it may name.
    pub base: Option<CheckpointId>,
    /// State of fewer bytes is better not in a file of its own.
    pub small_below: u64,
}

/// What one operator of one task has in a checkpoint.
#[derive(Debug, Default)]
pub struct OperatorSnapshot {
    /// Keyed state; with a backend of its own, or none.
    pub keyed: Vec<KeyedSnapshot>,
    /// Lists, each with a name of its own.
    pub lists: Vec<ListSnapshot>,
    /// Whether it has seen all its input and made all it makes of it.
    pub finished: bool,
    /// Whether keyed state is to be canonical.
    is_canonical: bool,
    /// Whether it may be in files of segments.
    segments: Option<SegmentCheckpoint>,
    /// Tickets that are out.
    waits: Rc<Cell<u32>>,
}

/// Holds a checkpoint of this task up until it is dropped: its operator is not done yet, as a sink is
/// whose bytes are still on their way to the disk. If that fails, the task has to fail.
#[derive(Debug)]
pub struct SnapshotTicket(Rc<Cell<u32>>);

/// The schema of elements whose layout is the operator's own business.
pub(crate) fn schema_of_bytes(name: &str) -> StateSchema {
    let (name, shape) = (name.to_string(), "bytes".to_string());
    StateSchema { name, kind: StateKind::Elements, fingerprint: 0, shape }
}

impl ListSnapshot {
    /// Records as elements.
    ///
    /// # Panics
    /// If a record is too large for any exchange.
    pub fn of_records<T: Record>(name: &str, mode: RedistributionMode, records: &[T]) -> Self {
        let mut encoder = RecordEncoder::new();
        let element = |record| {
            let bytes = encoder.encode_large(record, 64).expect("state of a record's size");
            bytes.to_vec()
        };
        Self {
            schema: StateSchema { kind: StateKind::Elements, ..schema_of::<T>(name) },
            mode,
            elements: records.iter().map(element).collect(),
        }
    }
}

/// What stands behind a record's archive in a list of timed records: whether it has an event time, and
/// that in milliseconds, little endian.
pub(crate) const TIME_BYTES: usize = 9;

impl ListSnapshot {
    /// Records with their event times as elements; dealt out one by one.
    ///
    /// # Panics
    /// If a record is too large for any exchange.
    pub(crate) fn of_timed_records<'a, T: Record>(
        name: &str,
        records: impl IntoIterator<Item = (&'a T, Option<Timestamp>)>,
    ) -> Self {
        let mut encoder = RecordEncoder::new();
        let element = |(record, time): (&T, Option<Timestamp>)| {
            let archive = encoder.encode_large(record, 64).expect("state of a record's size");
            let mut bytes = archive.to_vec();
            bytes.push(u8::from(time.is_some()));
            bytes.extend(time.map_or(0, Timestamp::millis).to_le_bytes());
            bytes
        };
        Self {
            schema: StateSchema { kind: StateKind::Elements, ..schema_of::<T>(name) },
            mode: RedistributionMode::Split,
            elements: records.into_iter().map(element).collect(),
        }
    }
}

/// The schema of a state of records.
pub(crate) fn schema_of<T: Record>(name: &str) -> StateSchema {
    let shape = type_name::<T>().to_string();
    let layout = format!("{shape}:{}:{}", size_of::<Archived<T>>(), align_of::<Archived<T>>());
    let fingerprint = u64::from(crc32c::crc32c(layout.as_bytes()));
    StateSchema { name: name.to_string(), kind: StateKind::Value, fingerprint, shape }
}

impl OperatorSnapshot {
    /// For a checkpoint or savepoint of this kind.
    pub(crate) fn of_kind(kind: CheckpointKind) -> Self {
        let is_canonical = kind.savepoint_format() == Some(SavepointFormat::Canonical);
        Self { is_canonical, ..Self::default() }
    }

    /// The same for a checkpoint into files.
    pub(crate) fn into_files(self, segments: SegmentCheckpoint) -> Self {
        Self { segments: Some(segments), ..self }
    }

    /// The checkpoint, if keyed state may be in files of segments.
    pub(crate) fn segments(&self) -> Option<SegmentCheckpoint> {
        self.segments
    }

    /// The format of keyed state that is asked of the backend in memory; of another one its own where
    /// this says [`BackendKind::HashMap`].
    pub fn format(&self) -> BackendKind {
        if self.is_canonical { BackendKind::Canonical } else { BackendKind::HashMap }
    }

    /// A ticket, to be kept for as long as the operator needs.
    pub fn defer(&mut self) -> SnapshotTicket {
        self.waits.set(self.waits.get() + 1);
        SnapshotTicket(Rc::clone(&self.waits))
    }

    /// Begins what its keyed state does by itself.
    pub(crate) fn begin(&mut self, target: &FileTarget) {
        self.keyed.iter_mut().for_each(|keyed| keyed.stream.begin(target));
    }

    /// Whether no ticket is out, and its keyed state can be written.
    pub(crate) fn is_ready(&self) -> bool {
        self.waits.get() == 0 && self.keyed.iter().all(|keyed| keyed.stream.is_ready())
    }
}

impl Drop for SnapshotTicket {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl fmt::Debug for KeyedSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSnapshot").field("range", &self.range).finish_non_exhaustive()
    }
}
