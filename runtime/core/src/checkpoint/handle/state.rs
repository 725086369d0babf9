//! Handles of one piece of state each.

use std::sync::Arc;

use super::path::{Place, StatePath};
use crate::graph::{KeyGroup, KeyGroupRange};

/// Where the bytes of a piece of state are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StateHandle {
    /// Here.
    Inline(Arc<[u8]>),
    /// In a part of a file.
    File(FileSlice),
}

/// A part of a state file: whole blocks of it, see the storage's page.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FileSlice {
    /// The file.
    pub path: StatePath,
    /// Where the first block begins.
    pub offset: u64,
    /// Bytes of all blocks in the file.
    pub stored_len: u64,
    /// Bytes of the state in them.
    pub len: u64,
    /// CRC-32C of the state. Each block has its own as well.
    pub checksum: u32,
}

impl StateHandle {
    /// Bytes of the state.
    pub fn len(&self) -> u64 {
        match self {
            StateHandle::Inline(bytes) => bytes.len() as u64,
            StateHandle::File(slice) => slice.len,
        }
    }

    /// Whether the state has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file, if it is in one.
    pub fn file(&self) -> Option<&FileSlice> {
        match self {
            StateHandle::Inline(_) => None,
            StateHandle::File(slice) => Some(slice),
        }
    }

    /// Whether other checkpoints may name the same file.
    pub fn is_shared(&self) -> bool {
        self.file().is_some_and(|slice| slice.path.place() == Place::Shared)
    }
}

/// Who can read a piece of keyed state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BackendKind {
    /// Every backend: the format of savepoints.
    Canonical,
    /// The backend in memory.
    HashMap,
    /// The RocksDB backend.
    RocksDb,
}

/// What kind of state a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StateKind {
    /// One value for each key.
    Value,
    /// A list for each key.
    List,
    /// A map for each key.
    Map,
    /// A value that others are folded into, of their type.
    Reducing,
    /// A value that others are folded into, of a type of its own.
    Aggregating,
    /// Timers of the event time.
    EventTimers,
    /// Timers of the processing time.
    ProcessingTimers,
    /// Elements of an operator's list.
    Elements,
}

/// The types of a state when it was written, so that a changed type is found before it is read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StateSchema {
    /// The state's name in its operator.
    pub name: String,
    /// What kind of state.
    pub kind: StateKind,
    /// Of the layout of key, namespace and value.
    pub fingerprint: u64,
    /// The same in words, for error messages.
    pub shape: String,
}

/// Where the state of a key group begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyGroupOffset {
    /// The group.
    pub group: KeyGroup,
    /// Its first byte in the state; it ends where the next one begins.
    pub offset: u64,
}

/// The keyed state of a range of key groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyedStateHandle {
    /// Who can read it.
    pub backend: BackendKind,
    /// Its key groups. Not empty.
    pub range: KeyGroupRange,
    /// The states in it.
    pub schemas: Vec<StateSchema>,
    /// Where each group with state begins in `state`, in order; groups of the range that are not
    /// named have none. Empty where the backend's format has no such order.
    pub offsets: Vec<KeyGroupOffset>,
    /// What this checkpoint alone has of it.
    pub state: StateHandle,
    /// What it shares with other checkpoints, under the names that the backend knows it by.
    pub shared: Vec<NamedState>,
}

impl KeyedStateHandle {
    /// Whether what it shares are segments of the backend in memory, not states in blocks.
    pub fn has_segments(&self) -> bool {
        self.backend == BackendKind::HashMap && !self.shared.is_empty()
    }
}

/// A piece that is shared among checkpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedState {
    /// The backend's name for it.
    pub name: String,
    /// Where it is. Below the inline threshold it may be here all the same.
    pub state: StateHandle,
}

/// How the elements of an operator's state are dealt out when it is restored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RedistributionMode {
    /// Each element to one subtask, in turn.
    Split,
    /// All elements to every subtask.
    Union,
    /// Every subtask has the same, and gets it whole.
    Broadcast,
}

/// A list of an operator that is not keyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatorStateHandle {
    /// Name and types.
    pub schema: StateSchema,
    /// How it is dealt out.
    pub mode: RedistributionMode,
    /// Where each element begins in `state`; it ends where the next one begins.
    pub offsets: Vec<u64>,
    /// The bytes of all elements.
    pub state: StateHandle,
}

/// Where in-flight buffers were caught.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChannelSide {
    /// In a channel of an input gate.
    Input {
        /// Which gate of the task.
        gate: u32,
        /// Which of its channels.
        channel: u32,
    },
    /// In a subpartition of a result partition.
    Output {
        /// Which partition of the task.
        partition: u32,
        /// Which of its subpartitions.
        subpartition: u32,
    },
}

/// The buffers that were in flight in one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelStateHandle {
    /// Where they were caught.
    pub side: ChannelSide,
    /// The channel's last watermark before them, in milliseconds, so that late records stay late.
    pub watermark: Option<i64>,
    /// Where each buffer begins in `state`, in order; it ends where the next one begins.
    pub offsets: Vec<u64>,
    /// The bytes of all buffers.
    pub state: StateHandle,
}
