//! Records of state whose bytes came from a disk.

use crate::{
    Record,
    error::TaskError,
    record::{AlignedBytes, checked_view, decode},
};

/// Reads archives, which lie anywhere, as records; keeps the buffer that aligns them.
#[derive(Default)]
pub(crate) struct ArchiveReader {
    aligned: AlignedBytes,
}

impl ArchiveReader {
    /// The record that is archived in a part of `state`, after a check of all its bytes.
    ///
    /// # Errors
    /// If it is no such record.
    pub(crate) fn read<T: Record>(&mut self, state: &str, archive: &[u8]) -> Result<T, TaskError> {
        self.aligned.clear();
        self.aligned.extend_from_slice(archive);
        match checked_view::<T>(&self.aligned) {
            Ok(view) => Ok(decode(view)),
            Err(cause) => Err(TaskError::DamagedState { state: state.to_owned(), cause }),
        }
    }
}
