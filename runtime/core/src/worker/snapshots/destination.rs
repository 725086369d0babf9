//! Where the bytes of states go.

use brisk_memory::driver::{Completion, Driver, IoBuffer};
use std::sync::Arc;

use crate::{
    checkpoint::{
        CheckpointId, Place,
        coordinator::{BarrierOptions, TaskSnapshot},
        handle::{StateHandle, StatePath},
        storage::{
            JobManagerStorage, Placed, StateFileFinish, StateFileWriter, StateOutcome,
            WriterOptions,
            segments::{SegmentFileOptions, SegmentFileWriter},
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
    /// Into files: one of this checkpoint, and one of segments that others may share.
    Files(Box<StateFileWriter>, Box<SegmentFileWriter>),
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
                let state = StateFileWriter::new(WriterOptions {
                    folder: storage.folder(options.id, &options.target, Place::Checkpoint),
                    path: path.expect("letters, digits and a dot"),
                    compression: *compression,
                    inline_below: *inline_below,
                });
                let segments = SegmentFileWriter::new(SegmentFileOptions {
                    folder: storage.folder(options.id, &options.target, Place::Shared),
                    name: format!("chk-{}-worker-{worker}", options.id),
                    compression: *compression,
                });
                To::Files(Box::new(state), Box::new(segments))
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
            To::Files(writer, _) => writer.begin(),
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
            To::Files(writer, _) => writer.append(driver, bytes).map_err(|error| error.to_string()),
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
            To::Files(writer, _) => match writer.end(driver).map_err(|error| error.to_string())? {
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
            To::Files(..) => Ok(()),
        }
    }

    /// Brings everything to where it survives; false while that takes time.
    pub(super) fn finish(&mut self, driver: &mut Driver) -> Result<bool, String> {
        self.has_failed()?;
        match &mut self.to {
            To::Inline { .. } => Ok(true),
            To::Files(state, segments) => {
                // Both, so that they are on their way together.
                let state = state.finish(driver).map_err(|error| error.to_string())?;
                let segments = segments.finish(driver).map_err(|error| error.to_string())?;
                Ok((state, segments) == (StateFileFinish::Done, StateFileFinish::Done))
            }
        }
    }

    fn has_failed(&mut self) -> Result<(), String> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Whether a segment would be taken now.
    pub(super) fn has_room(&self) -> bool {
        match &self.to {
            To::Inline { .. } => false,
            To::Files(_, segments) => segments.has_room(),
        }
    }

    /// Adds a segment to the file that is shared.
    ///
    /// # Panics
    /// When there is no room.
    pub(super) fn append_segment(
        &mut self,
        driver: &mut Driver,
        segment: IoBuffer,
    ) -> Result<Placed, String> {
        self.has_failed()?;
        match &mut self.to {
            To::Inline { .. } => unreachable!("segments go into files"),
            To::Files(_, segments) => {
                segments.append(driver, segment).map_err(|error| error.to_string())
            }
        }
    }

    /// Nobody will name what was written.
    pub(super) fn abandon(&self, driver: &Driver) {
        if let To::Files(_, segments) = &self.to {
            segments.abandon(driver.files());
        }
    }

    pub(super) fn owns(&self, completion: &Completion) -> bool {
        match &self.to {
            To::Inline { .. } => false,
            To::Files(state, segments) => state.owns(completion.id) || segments.owns(completion.id),
        }
    }

    pub(super) fn completed(&mut self, completion: Completion) {
        let To::Files(state, segments) = &mut self.to else { return };
        let taken = match state.owns(completion.id) {
            true => state.completed(completion),
            false => segments.completed(completion),
        };
        if let Err(error) = taken {
            self.failed.get_or_insert(error.to_string());
        }
    }
}
