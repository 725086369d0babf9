//! Lines as text. A run of complete lines is checked for UTF-8 as a whole, since a newline is never
//! part of another character; only a run that fails the check is looked at line by line.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::framing::{Fed, FedState, Framing};
use super::lines::{Handed, LineOptions, Lines, Step};
use super::scan::as_text;
use super::utf8::{InvalidUtf8, Utf8, Utf8Report};
use crate::constants::TEXT_BLOCK;
use crate::error::ConnectError;

/// Splits bytes into lines of text.
#[derive(Debug)]
pub struct TextLines {
    lines: Lines,
    utf8: Utf8,
}

impl TextLines {
    /// A splitter that has no file yet.
    pub fn new(options: LineOptions, invalid_utf8: InvalidUtf8) -> TextLines {
        TextLines { lines: Lines::new(options), utf8: Utf8::new(invalid_utf8) }
    }

    /// Lines that were not valid UTF-8, over all splits so far.
    pub fn report(&self) -> &Utf8Report {
        self.utf8.report()
    }

    fn hand_out<E>(&mut self, run: &[u8], emit: &mut E) -> Result<Handed, ConnectError>
    where
        E: FnMut(&str) -> ControlFlow<()>,
    {
        match as_text(run) {
            Some(text) => self.lines.each_line(run, |line| emit(&text[line])),
            None => self.hand_out_checked(run, emit),
        }
    }

    #[cold]
    fn hand_out_checked<E>(&mut self, run: &[u8], emit: &mut E) -> Result<Handed, ConnectError>
    where
        E: FnMut(&str) -> ControlFlow<()>,
    {
        let TextLines { lines, utf8 } = self;
        let mut failed = None;
        let handed = lines.each_line(run, |line| {
            let offset = lines.offset() + line.start as u64;
            match utf8.decode(&run[line], lines.file(), offset) {
                Ok(Some(text)) => emit(text),
                Ok(None) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(handed), Err)
    }

    fn hand_out_carried<E>(&mut self, terminator: u64, emit: &mut E) -> Result<bool, ConnectError>
    where
        E: FnMut(&str) -> ControlFlow<()>,
    {
        let (line, offset) = self.lines.carried(terminator);
        let text = self.utf8.decode(line, self.lines.file(), offset)?;
        let paused = text.is_some_and(|text| emit(text).is_break());
        self.lines.drop_carried();
        Ok(paused)
    }
}

impl Framing for TextLines {
    type Record = str;

    fn first_byte(&self, start: u64) -> u64 {
        self.lines.first_byte(start)
    }

    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>) {
        self.lines.start(file, owned);
    }

    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&str) -> ControlFlow<()>,
    {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let paused = match self.lines.step(rest, TEXT_BLOCK)? {
                Step::Run(length) => {
                    let handed = self.hand_out(&rest[..length], emit)?;
                    self.lines.advance(handed.bytes);
                    at += handed.bytes;
                    handed.paused
                }
                Step::Carried(taken) => {
                    at += taken;
                    self.hand_out_carried(1, emit)?
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
        self.lines.position()
    }

    fn finish<E>(&mut self, emit: &mut E) -> Result<(), ConnectError>
    where
        E: FnMut(&str) -> ControlFlow<()>,
    {
        if self.lines.has_last_line() {
            self.hand_out_carried(0, emit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
