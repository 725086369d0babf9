//! What happens to a line that is not valid UTF-8, and how often it did.

use std::path::Path;
use std::sync::Arc;

use crate::error::ConnectError;

/// What to do with a line that is not valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidUtf8 {
    /// Put U+FFFD in place of what is invalid, as Java's and Flink's readers do.
    #[default]
    Replace,
    /// Leave the line out.
    Skip,
    /// Fail the job.
    Fail,
}

/// How many lines were not valid UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utf8Report {
    /// Number of such lines.
    pub lines: u64,
    /// The first one: its file and the offset of its first invalid byte.
    pub first: Option<(Arc<Path>, u64)>,
}

/// Turns lines into text.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    policy: InvalidUtf8,
    /// A line with replacements is put together here.
    repaired: String,
    report: Utf8Report,
}

impl Utf8 {
    pub(super) fn new(policy: InvalidUtf8) -> Utf8 {
        Utf8 { policy, ..Utf8::default() }
    }

    pub(super) fn report(&self) -> &Utf8Report {
        &self.report
    }

    /// The text of a line that starts at `offset` of `file`; `None` if it is left out.
    pub(super) fn decode<'a>(
        &'a mut self,
        line: &'a [u8],
        file: &Arc<Path>,
        offset: u64,
    ) -> Result<Option<&'a str>, ConnectError> {
        let error = match std::str::from_utf8(line) {
            Ok(text) => return Ok(Some(text)),
            Err(error) => error,
        };
        let invalid_at = offset + error.valid_up_to() as u64;
        self.report.lines += 1;
        if self.report.first.is_none() {
            self.report.first = Some((Arc::clone(file), invalid_at));
            tracing::warn!(file = %file.display(), offset = invalid_at, policy = ?self.policy,
                "invalid UTF-8; further lines are only counted");
        }
        match self.policy {
            InvalidUtf8::Replace => Ok(Some(self.repair(line))),
            InvalidUtf8::Skip => Ok(None),
            InvalidUtf8::Fail => {
                Err(ConnectError::InvalidUtf8 { path: file.to_path_buf(), offset: invalid_at })
            }
        }
    }

    fn repair(&mut self, line: &[u8]) -> &str {
        self.repaired.clear();
        for chunk in line.utf8_chunks() {
            self.repaired.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.repaired.push(char::REPLACEMENT_CHARACTER);
            }
        }
        &self.repaired
    }
}

#[cfg(test)]
mod tests;
