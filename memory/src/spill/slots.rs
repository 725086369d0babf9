//! Blocks of one size that come and go one by one.
//!
//! ```text
//!   SpillSlots --take--> SpillSlot --write--> Operation --> driver --> written()
//!                                  --read---> Operation --> driver --> arrived(), checked
//!                                  drop: its place in the file is free for another
//! ```
//!
//! Unlike a [`SpilledFile`](super::SpilledFile), which is written once from its begin to its end, these
//! files are written anywhere. A file has [`FILE_BYTES_MAX`] at most, so that several directories share
//! the work, and is removed when nothing is left in it and there is another.

use std::sync::{Arc, Mutex, MutexGuard};

use super::SpillArea;
use super::block::{BLOCK_ALIGNMENT, aligned};
use super::error::SpillError;
use super::file::SpillFile;
use crate::driver::{Completion, IoBuffer, Operation};

/// Bytes of a file, at most: few enough that what becomes empty gives its space back soon.
const FILE_BYTES_MAX: usize = 64 << 20;

/// Places for blocks of one size.
#[derive(Debug)]
pub struct SpillSlots {
    area: SpillArea,
    owner: String,
    block_bytes: usize,
    files: Vec<Arc<SlotFile>>,
}

/// A place for one block, which nobody else has until it is dropped.
#[derive(Debug)]
pub struct SpillSlot {
    file: Arc<SlotFile>,
    number: u32,
    /// Of what was written, CRC-32C.
    checksum: u32,
}

#[derive(Debug)]
struct SlotFile {
    file: SpillFile,
    block_bytes: usize,
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    free: Vec<u32>,
    /// How many the file is long, and may be.
    end: u32,
    max: u32,
}

impl SpillSlots {
    /// None yet, for blocks of `block_bytes`. `owner` is named in errors: job and task.
    ///
    /// # Panics
    /// When blocks would not be aligned in a file.
    pub fn new(area: SpillArea, owner: String, block_bytes: usize) -> SpillSlots {
        let fits = block_bytes > 0 && block_bytes.is_multiple_of(BLOCK_ALIGNMENT);
        assert!(fits, "{block_bytes} bytes are no multiple of {BLOCK_ALIGNMENT}");
        SpillSlots { area, owner, block_bytes, files: Vec::new() }
    }

    /// A place. What was there before is gone.
    ///
    /// # Errors
    /// When every directory is at its quota, or the system gives no file.
    pub fn take(&mut self) -> Result<SpillSlot, SpillError> {
        let last = self.files.len().saturating_sub(1);
        let mut at = 0;
        self.files.retain(|file| {
            at += 1;
            at > last || !file.places().is_empty()
        });
        for file in &self.files {
            // A directory that is full leaves it to the others.
            if let Ok(Some(slot)) = SlotFile::take(file) {
                return Ok(slot);
            }
        }
        let mut failed = None;
        for _ in 0..self.area.directories() {
            let file = Arc::new(SlotFile::new(&self.area, &self.owner, self.block_bytes)?);
            match SlotFile::take(&file) {
                Ok(slot) => {
                    self.files.push(file);
                    return Ok(slot.expect("a new file has room"));
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.expect("an area has a directory"))
    }

    /// Files there are now.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

impl SlotFile {
    fn new(area: &SpillArea, owner: &str, block_bytes: usize) -> Result<SlotFile, SpillError> {
        let max = u32::try_from((FILE_BYTES_MAX / block_bytes).max(1)).expect("64 MiB of blocks");
        let places = Mutex::new(Places { free: Vec::new(), end: 0, max });
        Ok(SlotFile { file: area.create_file(owner)?, block_bytes, places })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().expect("nothing panics under this lock")
    }

    /// A place in it; none if it has none left.
    fn take(this: &Arc<SlotFile>) -> Result<Option<SpillSlot>, SpillError> {
        let mut places = this.places();
        let number = match places.free.pop() {
            Some(number) => number,
            None if places.end == places.max => return Ok(None),
            None => {
                this.file.reserve(this.block_bytes as u64)?;
                places.end += 1;
                places.end - 1
            }
        };
        Ok(Some(SpillSlot { file: Arc::clone(this), number, checksum: 0 }))
    }
}

impl Places {
    fn is_empty(&self) -> bool {
        self.free.len() == self.end as usize
    }
}

impl SpillSlot {
    fn offset(&self) -> u64 {
        u64::from(self.number) * self.file.block_bytes as u64
    }

    /// What writes a block there; its end is to be given to [`SpillSlot::written`].
    ///
    /// # Panics
    /// When the block is of another size.
    pub fn write(&mut self, block: IoBuffer) -> Operation {
        let len = self.file.block_bytes;
        assert_eq!(block.as_slice().len(), len, "blocks are of one size");
        self.checksum = crc32c::crc32c(block.as_slice());
        let (file, offset) = (self.file.file.file().clone(), self.offset());
        Operation::Write { file, offset, buffer: aligned(block, len), len }
    }

    /// Takes in that the write has ended.
    ///
    /// # Errors
    /// When it failed.
    pub fn written(&self, completion: &mut Completion) -> Result<(), SpillError> {
        let result = std::mem::replace(&mut completion.result, Ok(0));
        result.map(|_| ()).map_err(|error| self.file.file.write_error(self.offset(), error))
    }

    /// What reads the block that was written; its end is to be given to [`SpillSlot::arrived`].
    ///
    /// # Panics
    /// When the buffer is smaller.
    pub fn read(&self, buffer: IoBuffer) -> Operation {
        let (file, offset) = (self.file.file.file().clone(), self.offset());
        Operation::Read { file, offset, buffer, len: self.file.block_bytes }
    }

    /// The buffer with the block.
    ///
    /// # Errors
    /// When it could not be read, or is not what was written.
    ///
    /// # Panics
    /// When that was no read.
    pub fn arrived(&self, completion: Completion) -> Result<IoBuffer, SpillError> {
        let Completion { result, buffer, .. } = completion;
        let (file, offset, len) = (&self.file.file, self.offset(), self.file.block_bytes);
        let bytes = result.map_err(|error| file.read_error(offset, error))?;
        let buffer = buffer.expect("a read has a buffer");
        if bytes < len {
            return Err(file.damaged(offset, format!("{bytes} of {len} bytes are there")));
        }
        let checksum = crc32c::crc32c(&buffer.as_slice()[..len]);
        if checksum != self.checksum {
            let found = format!(
                "{len} bytes have the checksum {checksum:08x} instead of {:08x}",
                self.checksum
            );
            return Err(file.damaged(offset, found));
        }
        Ok(buffer)
    }

    /// The file that it is in.
    pub fn path(&self) -> &std::path::Path {
        self.file.file.file().path()
    }
}

impl Drop for SpillSlot {
    fn drop(&mut self) {
        self.file.places().free.push(self.number);
    }
}
