//! Decompression, in bounded steps.
//!
//! Owns: turning the bytes of a compressed file into its content, whatever the chunks in which they
//! arrive. Invariants: a step never writes more than the output it is given, so memory does not
//! depend on how far the data expands; data that is cut off or damaged is always an error, at the
//! latest when the file ends. Data plane, on the worker's thread; per chunk, not per record.
//! Deliberately absent: seeking, dictionaries, compressing.

mod gzip;

mod zstandard;

use std::path::Path;
use std::sync::Arc;

use crate::error::ConnectError;
use crate::files::Compression;
use gzip::GzipDecoder;
use zstandard::ZstdDecoder;

/// How far one step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InflateStep {
    /// Bytes of input that are used up.
    pub consumed: usize,
    /// Bytes of output that were written.
    pub produced: usize,
}

/// Decodes one file.
#[derive(Debug)]
pub struct Inflate {
    file: Arc<Path>,
    format: &'static str,
    /// Offset in the compressed file of the next byte to be fed.
    offset: u64,
    decoder: Decoder,
}

#[derive(Debug)]
enum Decoder {
    Gzip(GzipDecoder),
    Zstd(ZstdDecoder),
}

impl Inflate {
    /// A decoder for `file`; `None` if it is not compressed.
    ///
    /// # Errors
    /// If the decoder gets no memory.
    pub fn new(
        compression: Compression,
        file: &Arc<Path>,
    ) -> Result<Option<Inflate>, ConnectError> {
        let (format, decoder) = match compression {
            Compression::None => return Ok(None),
            Compression::Gzip => ("gzip", Decoder::Gzip(GzipDecoder::new())),
            Compression::Zstd => {
                let decoder = ZstdDecoder::new()
                    .map_err(|source| ConnectError::io("decompress", file, source))?;
                ("zstd", Decoder::Zstd(decoder))
            }
        };
        Ok(Some(Inflate { file: Arc::clone(file), format, offset: 0, decoder }))
    }

    /// Decodes some of `input` into the front of `output`. A step without input may still produce
    /// output; when it consumes and produces nothing, more input is needed.
    ///
    /// # Errors
    /// If the input is not of the format.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<InflateStep, ConnectError> {
        assert!(!output.is_empty());
        let result = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.step(input, output),
            Decoder::Zstd(decoder) => decoder.step(input, output),
        };
        let step = result.map_err(|reason| self.corrupt(reason))?;
        assert!(step.consumed <= input.len() && step.produced <= output.len());
        if step.consumed == 0 && step.produced == 0 && !input.is_empty() {
            return Err(self.corrupt("the decoder makes no progress".into()));
        }
        self.offset += step.consumed as u64;
        Ok(step)
    }

    /// The file has ended and all output is taken.
    ///
    /// # Errors
    /// If it ends in the middle of compressed data, or has none.
    pub fn finish(&self) -> Result<(), ConnectError> {
        let is_whole = match &self.decoder {
            Decoder::Gzip(decoder) => decoder.is_at_end(),
            Decoder::Zstd(decoder) => decoder.is_at_end(),
        };
        if is_whole {
            return Ok(());
        }
        Err(ConnectError::Truncated {
            path: self.file.to_path_buf(),
            offset: self.offset,
            what: "compressed data",
        })
    }

    fn corrupt(&self, reason: String) -> ConnectError {
        ConnectError::Corrupt {
            path: self.file.to_path_buf(),
            offset: self.offset,
            format: self.format,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
