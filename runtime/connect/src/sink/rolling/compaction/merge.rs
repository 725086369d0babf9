//! Copying parts one behind the other into a new one.
//!
//! ```text
//!   source -- read (a block) --> output's blocks -- write --> target      one source after another
//!   no source left -------------> close: write what is left, sync ------> durable
//! ```

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use brisk_memory::driver::{AlignedBytes, File, IoBuffer, OpenOptions, Operation, OperationId};

use super::super::name::PartFile;
use crate::constants::WRITE_BLOCK;
use crate::error::ConnectError;
use crate::sink::output::OutputFile;
use crate::task_io::TaskIo;

/// A merge: what of, and where to.
#[derive(Debug)]
pub(super) struct Merge {
    pub(super) target: PartFile,
    output: OutputFile,
    /// Those that are not copied yet, the one in hand included.
    sources: VecDeque<(PartFile, PathBuf)>,
    reading: Option<Reading>,
    delimiter: Vec<u8>,
    block: Option<IoBuffer>,
}

/// The source in hand.
#[derive(Debug)]
struct Reading {
    file: File,
    offset: u64,
    length: u64,
    under_way: Option<OperationId>,
}

impl Merge {
    pub(super) fn new(
        (target, output): (PartFile, OutputFile),
        sources: VecDeque<(PartFile, PathBuf)>,
        delimiter: Vec<u8>,
    ) -> Merge {
        Merge { target, output, sources, reading: None, delimiter, block: None }
    }

    /// The parts that are not copied yet.
    pub(super) fn sources(&self) -> impl Iterator<Item = &PartFile> {
        self.sources.iter().map(|(part, _)| part)
    }

    /// Goes on; true when the target is on the disk, else the task is woken to go on.
    pub(super) fn advance(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        loop {
            if !self.output.make_room(io)? {
                return Ok(false);
            }
            if self.sources.is_empty() {
                // It is closing by now, so that there is always room.
                return self.output.close(io);
            }
            let is_under_way = match &self.reading {
                None => self.open(io)?,
                Some(reading) if reading.under_way.is_some() => self.take(io)?,
                Some(_) => self.read(io),
            };
            if is_under_way {
                return Ok(false);
            }
        }
    }

    /// Opens the next source.
    fn open(&mut self, io: &impl TaskIo) -> Result<bool, ConnectError> {
        let (part, path) = self.sources.front().expect("there is one left");
        let file = io.files().open(path, OpenOptions::READ)?;
        let (expected, actual) = (part.bytes, file.len()?);
        if actual != expected {
            return Err(ConnectError::DamagedPart { path: path.clone(), expected, actual });
        }
        self.reading = Some(Reading { file, offset: 0, length: actual, under_way: None });
        Ok(false)
    }

    /// Asks for the next block of the source, or ends with it.
    fn read(&mut self, io: &mut impl TaskIo) -> bool {
        let reading = self.reading.as_mut().expect("a source is open");
        let left = reading.length - reading.offset;
        if left == 0 {
            self.reading = None;
            self.sources.pop_front();
            if !self.sources.is_empty() {
                self.output.blocks().push(&self.delimiter);
            }
            return false;
        }
        let new = || IoBuffer::Heap(AlignedBytes::zeroed(WRITE_BLOCK));
        let buffer = self.block.take().unwrap_or_else(new);
        let len = usize::try_from(left).map_or(WRITE_BLOCK, |left| left.min(WRITE_BLOCK));
        let (file, offset) = (reading.file.clone(), reading.offset);
        reading.under_way = Some(io.submit(Operation::Read { file, offset, buffer, len }));
        false
    }

    /// Takes a block, if it is there; true if it is under way still.
    fn take(&mut self, io: &mut impl TaskIo) -> Result<bool, ConnectError> {
        let reading = self.reading.as_mut().expect("a source is open");
        let Some(done) = io.take_completion(|id| reading.under_way == Some(id)) else {
            return Ok(true);
        };
        reading.under_way = None;
        let path = reading.file.path();
        let read = done.result.map_err(|error| ConnectError::io("read", path, error))?;
        if read == 0 {
            let error = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(ConnectError::io("read", path, error));
        }
        let Some(IoBuffer::Heap(bytes)) = done.buffer else {
            unreachable!("a read gives its buffer back")
        };
        reading.offset += read as u64;
        self.output.blocks().push(&bytes.as_slice()[..read]);
        self.block = Some(IoBuffer::Heap(bytes));
        Ok(false)
    }
}
