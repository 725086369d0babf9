//! State of a subtask, of an operator, of a job.

use super::path::{Place, StatePath};
use super::state::{
    ChannelStateHandle, KeyedStateHandle, OperatorStateHandle, RedistributionMode, StateHandle,
};
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis};
use crate::graph::{JobId, MaxParallelism, OperatorId, Parallelism, SubtaskIndex};

/// Begins the names of all lists that say where event time stood. See
/// [`SubtaskState::has_union_state`].
const EVENT_TIME: &str = "event time of ";

/// Begins the name of the states in which inputs remember where event time stood.
pub(crate) const INPUT_TIME: &str = "event time of input ";

/// The name of the list that holds the last watermark of each subtask that makes watermarks.
pub(crate) const WATERMARKS: &str = "event time of the stream";

/// The name of the list that holds what the watermark generator of each subtask remembers.
pub(crate) const WATERMARK_GENERATORS: &str = "event time of the generator";

/// What one subtask of an operator has.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SubtaskState {
    /// Whether it had seen all its input: it is restored as finished.
    pub finished: bool,
    /// By key group range; a subtask that was restored at another parallelism may hold several.
    pub keyed: Vec<KeyedStateHandle>,
    /// By name.
    pub operator: Vec<OperatorStateHandle>,
    /// By channel.
    pub channels: Vec<ChannelStateHandle>,
}

impl SubtaskState {
    /// Of a subtask that has seen all its input and left nothing.
    pub fn finished() -> SubtaskState {
        SubtaskState { finished: true, ..SubtaskState::default() }
    }

    /// Every piece of it.
    pub fn handles(&self) -> impl Iterator<Item = &StateHandle> {
        let keyed = self.keyed.iter().flat_map(|keyed| {
            std::iter::once(&keyed.state).chain(keyed.shared.iter().map(|shared| &shared.state))
        });
        let operator = self.operator.iter().map(|operator| &operator.state);
        let channels = self.channels.iter().map(|channel| &channel.state);
        keyed.chain(operator).chain(channels)
    }

    /// Every piece of it that is in blocks, as all are but segments of memory.
    pub(crate) fn in_blocks(&self) -> impl Iterator<Item = &StateHandle> {
        let is_segment = |state: &StateHandle| {
            let with_segments = self.keyed.iter().filter(|keyed| keyed.has_segments());
            let mut shared = with_segments.flat_map(|keyed| &keyed.shared);
            shared.any(|shared| std::ptr::eq(&shared.state, state))
        };
        self.handles().filter(move |state| !is_segment(state))
    }

    /// Bytes of all state, shared state included.
    pub fn state_size(&self) -> u64 {
        self.handles().map(StateHandle::len).sum()
    }

    /// Whether it has no state, finished or not.
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.operator.is_empty() && self.channels.is_empty()
    }

    /// Whether some of it is dealt out to all subtasks, so that a part of the subtasks alone can't
    /// give it. Where event time stood is none of that: for who has finished it is over.
    pub fn has_union_state(&self) -> bool {
        let unions = self.operator.iter().filter(|state| state.mode == RedistributionMode::Union);
        unions.into_iter().any(|state| !state.schema.name.starts_with(EVENT_TIME))
    }
}

/// What an operator has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatorState {
    /// What its state is found by.
    pub id: OperatorId,
    /// The uid that the program gave it, from which the id comes.
    pub uid: Option<String>,
    /// What people call it.
    pub name: String,
    /// Key groups.
    pub max_parallelism: MaxParallelism,
    /// By subtask: as many as its parallelism was.
    pub subtasks: Vec<SubtaskState>,
}

impl OperatorState {
    /// How many subtasks it had.
    pub fn parallelism(&self) -> Parallelism {
        Parallelism(u32::try_from(self.subtasks.len()).expect("a parallelism is a u32"))
    }

    /// Each subtask with its state.
    pub fn indexed_subtasks(&self) -> impl Iterator<Item = (SubtaskIndex, &SubtaskState)> {
        self.parallelism().subtasks().zip(&self.subtasks)
    }

    /// Whether all its subtasks had seen all their input.
    pub fn is_finished(&self) -> bool {
        self.subtasks.iter().all(|subtask| subtask.finished)
    }

    /// Whether no subtask has state.
    pub fn is_empty(&self) -> bool {
        self.subtasks.iter().all(SubtaskState::is_empty)
    }

    /// Name and, where there is one, uid, for messages.
    pub fn label(&self) -> String {
        match &self.uid {
            Some(uid) => format!("'{}' (uid '{uid}', id {})", self.name, self.id),
            None => format!("'{}' (no uid, id {})", self.name, self.id),
        }
    }
}

/// A checkpoint or savepoint that has everything it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompletedCheckpoint {
    /// The job.
    pub job: JobId,
    /// Its number.
    pub id: CheckpointId,
    /// Checkpoint or savepoint.
    pub kind: CheckpointKind,
    /// When it was triggered.
    pub triggered_at: Millis,
    /// When its last part came in.
    pub completed_at: Millis,
    /// The operators, by id.
    pub operators: Vec<OperatorState>,
}

impl CompletedCheckpoint {
    /// The state of this operator.
    pub fn operator(&self, id: OperatorId) -> Option<&OperatorState> {
        self.operators.iter().find(|operator| operator.id == id)
    }

    /// Every piece of it.
    pub fn handles(&self) -> impl Iterator<Item = &StateHandle> {
        self.operators
            .iter()
            .flat_map(|operator| &operator.subtasks)
            .flat_map(SubtaskState::handles)
    }

    /// Bytes of all state.
    pub fn state_size(&self) -> u64 {
        self.handles().map(StateHandle::len).sum()
    }

    /// The files in this folder that it refers to, sorted, each once.
    pub fn files(&self, place: Place) -> Vec<StatePath> {
        files_of(self.handles(), place)
    }
}

/// The files in this folder that handles refer to, sorted, each once.
pub(crate) fn files_of<'a>(
    handles: impl Iterator<Item = &'a StateHandle>,
    place: Place,
) -> Vec<StatePath> {
    let files = handles.filter_map(StateHandle::file).map(|slice| &slice.path);
    let mut files: Vec<_> = files.filter(|path| path.place() == place).cloned().collect();
    files.sort_unstable();
    files.dedup();
    files
}
