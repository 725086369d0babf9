//! Where the bytes of states go.

use brisk_memory::driver::{Completion, Driver};
use std::sync::Arc;

use crate::{
    checkpoint::{
        CheckpointId, Place,
        coordinator::{BarrierOptions, TaskSnapshot},
        handle::{StateHandle, StatePath},
        storage::{
            JobManagerStorage, StateFileFinish, StateFileWriter, StateOutcome, WriterOptions,
        },
    },
    worker::StateDestination,
};

/// One worker's part of one checkpoint.
#[derive(Debug)]
pub(super) struct Destination {
    checkpoint: CheckpointId,
    to: To,
    /// What an operation that ended had failed of.
    failed: Option<String>,
}

#[derive(Debug)]
enum To {
    /// Into the acknowledgements.
    Inline { state: Vec<u8>, storage: JobManagerStorage },
    /// Into a file.
    File(Box<StateFileWriter>),
}

/// What became of a state.
pub(super) enum Ended {
    /// No room for the last bytes: ask again later.
    Full,
    Handle(StateHandle),
}

impl Destination {
    pub(super) fn new(storage: &StateDestination, options: &BarrierOptions, worker: u32) -> Self {
        let to = match storage {
            StateDestination::Inline(storage) => {
                To::Inline { state: Vec::new(), storage: *storage }
            }
            StateDestination::Files { storage, compression, inline_below } => {
                let name = format!("worker-{worker}.state");
                let path = StatePath::new(Place::Checkpoint, &name);
                To::File(Box::new(StateFileWriter::new(WriterOptions {
                    folder: storage.folder(options.id, &options.target, Place::Checkpoint),
                    path: path.expect("letters, digits and a dot"),
                    compression: *compression,
                    inline_below: *inline_below,
                })))
            }
        };
        Self { checkpoint: options.id, to, failed: None }
    }

    pub(super) fn checkpoint(&self) -> CheckpointId {
        self.checkpoint
    }

    /// Begins a state.
    pub(super) fn begin(&mut self) {
        match &mut self.to {
            To::Inline { state, .. } => state.clear(),
            To::File(writer) => writer.begin(),
        }
    }

    /// Adds to the state in hand; how many bytes were taken.
    pub(super) fn append(&mut self, driver: &mut Driver, bytes: &[u8]) -> Result<usize, String> {
        self.has_failed()?;
        match &mut self.to {
            To::Inline { state, storage } => {
                state.extend_from_slice(bytes);
                storage.check_state(state.len() as u64).map_err(|error| error.to_string())?;
                Ok(bytes.len())
            }
            To::File(writer) => writer.append(driver, bytes).map_err(|error| error.to_string()),
        }
    }

    /// Ends the state in hand.
    pub(super) fn end(&mut self, driver: &mut Driver) -> Result<Ended, String> {
        self.has_failed()?;
        match &mut self.to {
            To::Inline { state, .. } => {
                let bytes = std::mem::take(state);
                Ok(Ended::Handle(StateHandle::Inline(Arc::from(bytes))))
            }
            To::File(writer) => match writer.end(driver).map_err(|error| error.to_string())? {
                StateOutcome::Full => Ok(Ended::Full),
                StateOutcome::Handle(handle) => Ok(Ended::Handle(handle)),
            },
        }
    }

    /// Whether the acknowledgement of a task, `name`, can be sent.
    pub(super) fn check(&self, name: &str, snapshot: &TaskSnapshot) -> Result<(), String> {
        match &self.to {
            To::Inline { storage, .. } => storage
                .check_frame(self.checkpoint, name, snapshot)
                .map_err(|error| error.to_string()),
            To::File(_) => Ok(()),
        }
    }

    /// Brings everything to where it survives; false while that takes time.
    pub(super) fn finish(&mut self, driver: &mut Driver) -> Result<bool, String> {
        self.has_failed()?;
        match &mut self.to {
            To::Inline { .. } => Ok(true),
            To::File(writer) => {
                let finish = writer.finish(driver).map_err(|error| error.to_string())?;
                Ok(finish == StateFileFinish::Done)
            }
        }
    }

    fn has_failed(&mut self) -> Result<(), String> {
        self.failed.take().map_or(Ok(()), Err)
    }

    pub(super) fn owns(&self, completion: &Completion) -> bool {
        match &self.to {
            To::Inline { .. } => false,
            To::File(writer) => writer.owns(completion.id),
        }
    }

    pub(super) fn completed(&mut self, completion: Completion) {
        if let To::File(writer) = &mut self.to
            && let Err(error) = writer.completed(completion)
        {
            self.failed.get_or_insert(error.to_string());
        }
    }
}
