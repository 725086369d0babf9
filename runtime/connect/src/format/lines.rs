//! Lines: bytes up to a newline, which is not part of them; a carriage return before it may be taken
//! off too. The last line of a file needs no newline.
//!
//! A split owns the lines that start in it. Reading therefore begins one byte before the split: what
//! ends at the first newline from there belongs to the split before. It ends with the line that
//! covers the last byte of the split.
//!
//! [`Lines::step`] is the machine; it works on runs of complete lines, so that what is done per line
//! is one vectorized search for its end.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memrchr};

use super::framing::{Fed, FedState, Framing};
use super::scan::each_newline;
use crate::constants::{CARRY_KEPT, MAX_RECORD};
use crate::error::ConnectError;

/// What to do with a carriage return before a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CarriageReturn {
    /// Take it off, as Flink's text formats do.
    #[default]
    Strip,
    /// Leave it as the last character of the line.
    Keep,
}

/// How lines are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// What to do with a carriage return before a newline.
    pub carriage_return: CarriageReturn,
    /// Longest line in bytes, without its newline; a longer one is an error.
    pub max_line_length: usize,
}

impl Default for LineOptions {
    fn default() -> LineOptions {
        LineOptions { carriage_return: CarriageReturn::Strip, max_line_length: MAX_RECORD }
    }
}

/// Splits bytes into lines.
#[derive(Debug)]
pub struct Lines {
    options: LineOptions,
    file: Arc<Path>,
    /// Lines that start before this offset are not ours.
    start: u64,
    /// Lines that start before this offset are ours.
    end: u64,
    /// Offset of the next byte that is fed.
    offset: u64,
    /// The start of a line whose end has not been seen.
    carry: Vec<u8>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In the line that belongs to the split before.
    Skipping,
    Reading,
    Done,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes are complete lines, to be handed out from where they are. The caller reports
    /// with [`Lines::advance`] how far it came.
    Run(usize),
    /// So many bytes were taken and complete the carried line.
    Carried(usize),
    /// So many bytes were taken; no line is complete.
    Taken(usize),
    NeedInput,
    Done,
}

impl Lines {
    /// A splitter that has no file yet.
    pub fn new(options: LineOptions) -> Lines {
        Lines {
            options,
            file: Path::new("").into(),
            start: 0,
            end: 0,
            offset: 0,
            carry: Vec::new(),
            stage: Stage::Done,
        }
    }

    /// Offset of the next byte to be fed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Looks at the next bytes; a run ends at the last newline within `run_bytes`, or at the first
    /// one beyond.
    pub(super) fn step(&mut self, bytes: &[u8], run_bytes: usize) -> Result<Step, ConnectError> {
        if self.stage == Stage::Reading && self.carry.is_empty() && self.offset >= self.end {
            self.stage = Stage::Done;
        }
        if self.stage == Stage::Skipping && self.offset + 1 >= self.end {
            // No newline before the last byte: no line starts in this split.
            self.stage = Stage::Done;
        }
        match self.stage {
            Stage::Done => Ok(Step::Done),
            _ if bytes.is_empty() => Ok(Step::NeedInput),
            Stage::Skipping => Ok(self.skip(bytes)),
            Stage::Reading if self.carry.is_empty() => self.run(bytes, run_bytes),
            Stage::Reading => match memchr(b'\n', bytes) {
                Some(newline) => {
                    self.keep(&bytes[..newline])?;
                    self.offset += 1;
                    Ok(Step::Carried(newline + 1))
                }
                None => self.keep(bytes),
            },
        }
    }

    fn skip(&mut self, bytes: &[u8]) -> Step {
        assert!(self.offset + 1 < self.end);
        let ours = usize::try_from(self.end - 1 - self.offset).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(ours)];
        let taken = match memchr(b'\n', bytes) {
            Some(newline) => {
                self.stage = Stage::Reading;
                newline + 1
            }
            None => bytes.len(),
        };
        self.offset += taken as u64;
        Step::Taken(taken)
    }

    fn run(&mut self, bytes: &[u8], run_bytes: usize) -> Result<Step, ConnectError> {
        let bytes = self.owned_part(bytes);
        let (near, far) = bytes.split_at(run_bytes.min(bytes.len()));
        let newline =
            memrchr(b'\n', near).or_else(|| memchr(b'\n', far).map(|newline| near.len() + newline));
        match newline {
            Some(newline) => Ok(Step::Run(newline + 1)),
            None => self.keep(bytes),
        }
    }

    /// Cuts off what follows the line that covers the last byte of the split.
    fn owned_part<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        assert!(self.offset < self.end);
        let last = self.end - 1 - self.offset;
        match usize::try_from(last) {
            Ok(last) if last < bytes.len() => match memchr(b'\n', &bytes[last..]) {
                Some(newline) => &bytes[..last + newline + 1],
                None => bytes,
            },
            _ => bytes,
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Step, ConnectError> {
        self.check_length(self.offset - self.carry.len() as u64, self.carry.len() + bytes.len())?;
        self.carry.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
        Ok(Step::Taken(bytes.len()))
    }

    fn check_length(&self, start: u64, length: usize) -> Result<(), ConnectError> {
        if length <= self.options.max_line_length {
            return Ok(());
        }
        Err(ConnectError::RecordTooLong {
            path: self.file.to_path_buf(),
            offset: start,
            limit: self.options.max_line_length,
            option: "max_line_length",
        })
    }

    /// The carried line without its end, and the offset at which it starts.
    pub(super) fn carried(&self, terminator: u64) -> (&[u8], u64) {
        let start = self.offset - terminator - self.carry.len() as u64;
        (self.content(&self.carry), start)
    }

    /// The carried line has been handed out.
    pub(super) fn drop_carried(&mut self) {
        self.carry.clear();
        if self.carry.capacity() > CARRY_KEPT {
            self.carry = Vec::new();
        }
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(self.carry.is_empty(), "a run begins at the start of a line");
        self.offset += bytes as u64;
    }

    /// Whether the end of the file ends a line that has not been handed out.
    pub(super) fn has_last_line(&mut self) -> bool {
        let has = self.stage == Stage::Reading && !self.carry.is_empty();
        self.stage = Stage::Done;
        has
    }

    /// Hands the range of each line of a run to `emit`; gives the bytes handed out.
    #[inline]
    pub(super) fn each_line(
        &self,
        run: &[u8],
        mut emit: impl FnMut(Range<usize>) -> ControlFlow<()>,
    ) -> Result<Handed, ConnectError> {
        let mut start = 0;
        let mut too_long = Ok(());
        let flow = each_newline(run, |newline| {
            let line = &run[start..newline];
            if line.len() > self.options.max_line_length {
                too_long = self.check_length(self.offset + start as u64, line.len());
                return ControlFlow::Break(());
            }
            let content = start..start + self.content(line).len();
            start = newline + 1;
            emit(content)
        });
        too_long?;
        assert!(flow.is_break() || start == run.len(), "a run ends with a newline");
        Ok(Handed { bytes: start, paused: flow.is_break() })
    }

    #[inline]
    fn content<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match line {
            [content @ .., b'\r'] if self.options.carriage_return == CarriageReturn::Strip => {
                content
            }
            _ => line,
        }
    }
}

/// How much of a run was handed out.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) bytes: usize,
    pub(super) paused: bool,
}

impl Framing for Lines {
    type Record = [u8];

    fn first_byte(&self, start: u64) -> u64 {
        start.saturating_sub(1)
    }

    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>) {
        self.file = Arc::clone(file);
        self.carry.clear();
        self.start = owned.start;
        self.end = owned.end;
        self.offset = self.first_byte(owned.start);
        self.stage = if owned.start == 0 { Stage::Reading } else { Stage::Skipping };
    }

    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let paused = match self.step(rest, rest.len())? {
                Step::Run(length) => {
                    let run = &rest[..length];
                    let handed = self.each_line(run, |line| emit(&run[line]))?;
                    self.advance(handed.bytes);
                    at += handed.bytes;
                    handed.paused
                }
                Step::Carried(taken) => {
                    at += taken;
                    let flow = emit(self.carried(1).0);
                    self.drop_carried();
                    flow.is_break()
                }
                Step::Taken(taken) => {
                    at += taken;
                    false
                }
                Step::NeedInput => return Ok(Fed { consumed: at, state: FedState::NeedInput }),
                Step::Done => return Ok(Fed { consumed: at, state: FedState::Done }),
            };
            if paused {
                return Ok(Fed { consumed: at, state: FedState::Paused });
            }
        }
    }

    fn position(&self) -> u64 {
        // No line begins in what was skipped.
        (self.offset - self.carry.len() as u64).max(self.start)
    }

    fn finish<E>(&mut self, emit: &mut E) -> Result<(), ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        if self.has_last_line() {
            // After the last record there is nothing to pause before.
            let _ = emit(self.carried(0).0);
            self.drop_carried();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
