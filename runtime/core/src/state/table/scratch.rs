//! Archives on their way into a table.

use crate::{
    Record,
    record::{AlignedBytes, RecordEncoder},
};

/// Writes archives into one buffer that is kept, so that an entry costs no allocation.
#[derive(Default)]
pub(in crate::state) struct Scratch {
    encoder: RecordEncoder,
    bytes: AlignedBytes,
}

const BYTES_MIN: usize = 256;

impl Scratch {
    pub(in crate::state) fn new() -> Self {
        Self { encoder: RecordEncoder::new(), bytes: AlignedBytes::new() }
    }

    /// The archive of `record`.
    pub(in crate::state) fn archive<T: Record>(&mut self, record: &T) -> &[u8] {
        if self.bytes.len() < BYTES_MIN {
            self.bytes.resize(BYTES_MIN, 0);
        }
        loop {
            if let Some(length) = self.encoder.encode(record, &mut self.bytes) {
                return &self.bytes[..length];
            }
            self.bytes.resize(self.bytes.len() * 4, 0);
        }
    }

    /// A copy of an archive.
    pub(super) fn copy(&mut self, archive: &[u8]) -> &[u8] {
        self.bytes.clear();
        self.bytes.extend_from_slice(archive);
        &self.bytes
    }
}
