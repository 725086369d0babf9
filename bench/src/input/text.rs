//! Reading text in ranges and cutting it into words, for every Rust system but Brisk (which uses
//! its own file source): the reference, the floor and the timely peer, which compiles this file.
//!
//! A word is a run of ASCII letters, digits and underscore, in lower case (what Flink's `WordCount`
//! gets by splitting on `\W+`). A range starts after the first line break at or after its first
//! byte (the first range at 0) and ends with the line that its last byte is in, so that ranges
//! share no line and leave none out.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes read at once: enough that the system call costs nothing, small enough for the cache.
const CHUNK_BYTES: usize = 256 * 1024;

/// What a byte becomes inside a word: its lower case, or 0 where it separates words.
pub const WORD_BYTE: [u8; 256] = word_bytes();

const fn word_bytes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || b == b'_' {
            table[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
}

/// Calls `each` with every word of `text`, in the case it was written in.
#[inline(always)]
pub fn for_each_word(text: &[u8], mut each: impl FnMut(&[u8])) {
    let mut start = None;
    for (at, &byte) in text.iter().enumerate() {
        match (WORD_BYTE[byte as usize] != 0, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                each(&text[from..at]);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        each(&text[from..]);
    }
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

    /// The next lines of the range; `None` at its end.
    pub fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
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
                return Ok(Some(&self.buffer[..self.consumed]));
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
