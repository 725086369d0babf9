//! Storage `jobmanager`: state in the acknowledgements.

use std::sync::Arc;

use super::error::StorageError;
use crate::checkpoint::CheckpointId;
use crate::checkpoint::coordinator::TaskSnapshot;
use crate::checkpoint::handle::StateHandle;

/// Most bytes of a single state, as in Flink: 5 MB.
pub const STATE_BYTES_MAX: u64 = 5 << 20;

/// Where such a checkpoint is, for people.
pub const NOT_ADDRESSABLE: &str = "<checkpoint-not-externally-addressable>";

/// Keeps no file. Its limits are those of the messages that carry the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobManagerStorage {
    /// Most bytes of one state.
    pub state_bytes_max: u64,
    /// Most bytes of an acknowledgement: `pekko.framesize`, 10 MB.
    pub frame_bytes_max: u64,
}

impl Default for JobManagerStorage {
    fn default() -> JobManagerStorage {
        JobManagerStorage { state_bytes_max: STATE_BYTES_MAX, frame_bytes_max: 10 << 20 }
    }
}

impl JobManagerStorage {
    /// A state as a handle.
    ///
    /// # Errors
    /// When it is too large; the task then declines the checkpoint.
    pub fn keep(&self, state: impl Into<Arc<[u8]>>) -> Result<StateHandle, StorageError> {
        let state = state.into();
        self.check_state(state.len() as u64)?;
        Ok(StateHandle::Inline(state))
    }

    /// Whether a state of so many bytes may be kept.
    ///
    /// # Errors
    /// When it is too large.
    pub fn check_state(&self, size: u64) -> Result<(), StorageError> {
        let max = self.state_bytes_max;
        if size > max { Err(StorageError::StateTooLarge { size, max }) } else { Ok(()) }
    }

    /// Whether an acknowledgement fits into a message. Headers take a little, which the limit of
    /// Flink includes as well.
    ///
    /// # Errors
    /// When it doesn't; the task then declines the checkpoint.
    pub fn check_frame(
        &self,
        id: CheckpointId,
        task: &str,
        snapshot: &TaskSnapshot,
    ) -> Result<(), StorageError> {
        let handles = snapshot.operators.iter().flat_map(|(_, state)| state.handles());
        let inline = handles.filter(|handle| handle.file().is_none());
        let size = inline.map(StateHandle::len).sum();
        if size <= self.frame_bytes_max {
            return Ok(());
        }
        let (task, max) = (task.to_owned(), self.frame_bytes_max);
        Err(StorageError::AcknowledgementTooLarge { id, task, size, max })
    }
}
