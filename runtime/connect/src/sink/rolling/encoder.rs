//! How a record becomes bytes of a part.

use std::fmt;

use brisk_core::error::BoxError;
use brisk_memory::driver::AlignedBytes;

use crate::sink::blocks::Blocks;
use crate::sink::text::{Displayed, LineFormat};

/// Takes the bytes of a record, and writes as text does.
#[derive(Debug)]
pub struct PartOutput<'a> {
    blocks: &'a mut Blocks<AlignedBytes>,
}

impl<'a> PartOutput<'a> {
    pub(super) fn new(blocks: &'a mut Blocks<AlignedBytes>) -> PartOutput<'a> {
        PartOutput { blocks }
    }

    /// Takes bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.blocks.push(bytes);
    }
}

impl fmt::Write for PartOutput<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.blocks.push(text.as_bytes());
        Ok(())
    }
}

/// Makes bytes of records.
pub trait Encoder<T>: Clone + Send + 'static {
    /// Writes all of a record.
    ///
    /// # Errors
    /// Fail the task.
    fn encode(&mut self, record: &T, out: &mut PartOutput<'_>) -> Result<(), BoxError>;
}

/// Lines of text, each with a newline.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines<L = Displayed>(pub L);

impl<T, L: LineFormat<T>> Encoder<T> for Lines<L> {
    #[inline]
    fn encode(&mut self, record: &T, out: &mut PartOutput<'_>) -> Result<(), BoxError> {
        self.0.format(record, out)?;
        out.put(b"\n");
        Ok(())
    }
}

/// Bytes as they are, one record behind the other: for records of one length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl<T: AsRef<[u8]>> Encoder<T> for Raw {
    #[inline]
    fn encode(&mut self, record: &T, out: &mut PartOutput<'_>) -> Result<(), BoxError> {
        out.put(record.as_ref());
        Ok(())
    }
}

/// Bytes behind their length (4 bytes, little endian), as [`crate::source::BinaryFormat`] reads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delimited;

impl<T: AsRef<[u8]>> Encoder<T> for Delimited {
    #[inline]
    fn encode(&mut self, record: &T, out: &mut PartOutput<'_>) -> Result<(), BoxError> {
        let bytes = record.as_ref();
        let length = u32::try_from(bytes.len())?;
        out.put(&length.to_le_bytes());
        out.put(bytes);
        Ok(())
    }
}
