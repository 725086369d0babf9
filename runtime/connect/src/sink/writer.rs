//! One subtask's file, from the first line until it is handed to the publication. When it is dropped
//! before, the file is removed and the run is given up.

use std::sync::Arc;

use brisk_memory::driver::AlignedBytes;

use super::blocks::Blocks;
use super::in_progress::InProgress;
use super::output::OutputFile;
use super::publication::{Publication, RunNumber, Share};
use crate::error::ConnectError;
use crate::task_io::TaskIo;

/// Writes one part.
#[derive(Debug)]
pub(super) struct PartWriter {
    publication: Arc<Publication>,
    run: RunNumber,
    share: Share,
    output: OutputFile,
    /// None once it is staged.
    part: Option<InProgress>,
}

impl PartWriter {
    /// Begins the part of one subtask.
    pub(super) fn begin(
        publication: &Arc<Publication>,
        share: Share,
        io: &impl TaskIo,
    ) -> Result<PartWriter, ConnectError> {
        let (run, part) = publication.begin(&io.files(), &share)?;
        let output = OutputFile::new(part.file().clone());
        let publication = Arc::clone(publication);
        Ok(PartWriter { publication, run, share, output, part: Some(part) })
    }

    /// Where lines are put together.
    #[inline]
    pub(super) fn blocks(&mut self) -> &mut Blocks<AlignedBytes> {
        self.output.blocks()
    }

    /// As [`OutputFile::make_room`].
    pub(super) fn make_room(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        self.output.make_room(io)
    }

    /// Brings everything to the disk and hands the file over; true when that is done, else the task
    /// is woken to go on.
    pub(super) fn close_file(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        if self.part.is_none() {
            return Ok(true);
        }
        if !self.output.close(io)? {
            return Ok(false);
        }
        if let Some(part) = self.part.take() {
            self.publication.stage(self.run, part, &self.share)?;
        }
        Ok(true)
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if self.part.is_some() {
            self.publication.leave(self.run);
        }
    }
}

#[cfg(test)]
mod tests;
