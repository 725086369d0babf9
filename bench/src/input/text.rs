//! Reading text in ranges and cutting it into words, for every Rust system but Brisk (which uses
//! its own file source): the reference, the floor and the timely peer, which compiles this file.
//!
//! A word is a run of ASCII letters and digits, in lower case: 169 M in the text, 830 k of them
//! different, as in the figures that the goals were set by. (Flink's `WordCount` splits on `\W+`, so an
//! underscore does not separate its words; the names of registers then make 5 M different ones.)
//!
//! A range starts after the first line break at or after its first byte (the first range at 0) and
//! ends with the line that its last byte is in, so that ranges share no line and leave none out.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes read at once: enough that the system call costs nothing, small enough for the cache.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes that are classified at once.
const BLOCK_BYTES: usize = 64;

/// Calls `each` with every word of `text`, in the case it was written in.
#[inline(always)]
pub fn for_each_word(text: &[u8], mut each: impl FnMut(&[u8])) {
    for_each_word_range(text, |range| each(&text[range]));
}

/// Calls `each` with where every word of `text` is.
///
/// Blocks of bytes are classified into one bit per byte; the ends of words are where neighbouring
/// bits differ.
#[inline(always)]
pub fn for_each_word_range(text: &[u8], mut each: impl FnMut(Range<usize>)) {
    let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
    let mut padded = [0; BLOCK_BYTES];
    padded[..rest.len()].copy_from_slice(rest);
    let mut start = None;
    let mut last_bit = 0;
    for (index, block) in blocks.iter().chain([&padded]).enumerate() {
        let bits = word_bits(block);
        let mut edges = bits ^ (bits << 1 | last_bit);
        last_bit = bits >> (BLOCK_BYTES - 1);
        while edges != 0 {
            let at = index * BLOCK_BYTES + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            match start.take() {
                None => start = Some(at),
                Some(from) => each(from..at),
            }
        }
    }
    // The padding ends every word, unless there was none.
    if let Some(from) = start {
        each(from..text.len());
    }
}

/// Whether each byte belongs to a word: byte 0 is bit 0.
#[inline(always)]
fn word_bits(block: &[u8; BLOCK_BYTES]) -> u64 {
    let flags = block.map(|byte| u8::from(is_word_byte(byte)));
    let (eights, _) = flags.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, eight| {
        // The product gathers the lowest bits of eight bytes in the highest byte.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | gathered
    })
}

#[inline(always)]
const fn is_word_byte(byte: u8) -> bool {
    // Without branches, so that a block is classified by vector instructions.
    ((byte | 0x20).wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10)
}

/// FNV-1a of a word: only to compare results, never to place a word.
#[inline]
pub fn fnv1a(word: &[u8]) -> u64 {
    word.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// One of several ranges of a text file, read front to back in chunks of whole lines.
#[derive(Debug)]
pub struct TextRange {
    file: File,
    /// Where the next read starts; the bytes before it are in `buffer` or were handed out.
    position: u64,
    /// The range ends with the first line break at or after `end - 1`.
    end: u64,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were handed out by the last `next_chunk`.
    consumed: usize,
    /// The start of the range was found.
    started: bool,
    finished: bool,
}

impl TextRange {
    /// Range `index` of `count` equal ones of the file at `path`.
    pub fn open(path: &Path, index: u64, count: u64) -> io::Result<Self> {
        assert!(index < count, "text range {index} of {count}");
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let start = length / count * index;
        let end = if index + 1 == count { length } else { length / count * (index + 1) };
        Ok(TextRange {
            file,
            // One byte early: a break just before the range makes its first line ours.
            position: start.saturating_sub(1),
            end,
            buffer: Vec::with_capacity(2 * CHUNK_BYTES),
            consumed: 0,
            started: start == 0,
            finished: start == end,
        })
    }

    /// The next lines of the range, the caller's to change; `None` at its end.
    pub fn next_chunk(&mut self) -> io::Result<Option<&mut [u8]>> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        loop {
            if self.finished {
                return Ok(None);
            }
            let end_of_file = self.fill()?;
            if !self.started {
                let Some(line_break) = find_break(&self.buffer) else {
                    self.finished = end_of_file;
                    self.buffer.clear();
                    continue;
                };
                self.buffer.drain(..=line_break);
                self.started = true;
                self.finished = self.buffer_offset() >= self.end;
                continue;
            }
            self.consumed = self.whole_lines(end_of_file);
            if self.consumed > 0 {
                return Ok(Some(&mut self.buffer[..self.consumed]));
            }
            self.finished = end_of_file;
        }
    }

    /// How many buffered bytes are whole lines of this range; notes when they are the last ones.
    fn whole_lines(&mut self, end_of_file: bool) -> usize {
        let offset = self.buffer_offset();
        let last_byte = (self.end - 1).saturating_sub(offset) as usize;
        if let Some(tail) = self.buffer.get(last_byte..)
            && let Some(line_break) = find_break(tail)
        {
            self.finished = true;
            return last_byte + line_break + 1;
        }
        if end_of_file {
            self.finished = true;
            return self.buffer.len();
        }
        self.buffer.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
    }

    /// The file offset of the first buffered byte.
    fn buffer_offset(&self) -> u64 {
        self.position - self.buffer.len() as u64
    }

    /// Reads one more chunk; says whether the file ended.
    fn fill(&mut self) -> io::Result<bool> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK_BYTES, 0);
        let read = self.file.read_at(&mut self.buffer[filled..], self.position)?;
        self.buffer.truncate(filled + read);
        self.position += read as u64;
        Ok(read == 0)
    }
}

fn find_break(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;
