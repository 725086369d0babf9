//! What the files of an output folder are called.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::rolling;

/// A name in an output folder that belongs to a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartName {
    /// `part-<subtask>`
    Finished(u32),
    /// `.part-<subtask>.inprogress.<id>`
    InProgress,
}

impl PartName {
    /// What `name` is, if it belongs to a sink.
    pub(super) fn parse(name: &OsStr) -> Option<PartName> {
        let name = name.as_bytes();
        if let Some(digits) = name.strip_prefix(b"part-") {
            return number(digits).map(PartName::Finished);
        }
        let rest = name.strip_prefix(b".part-")?;
        let dot = rest.iter().position(|b| *b == b'.')?;
        number(&rest[..dot])?;
        let id = rest[dot..].strip_prefix(b".inprogress.")?;
        (!id.is_empty()).then_some(PartName::InProgress)
    }

    pub(super) fn finished(subtask: u32) -> OsString {
        format!("part-{subtask}").into()
    }

    /// `writer` tells runs apart, so that one never takes another's file for its own.
    pub(super) fn in_progress(subtask: u32, writer: &str, attempt: u32) -> OsString {
        format!(".part-{subtask}.inprogress.{writer}-{attempt:x}").into()
    }
}

/// Whether a sink gives this name to what it has not finished.
pub(crate) fn is_in_progress(name: &OsStr) -> bool {
    PartName::parse(name) == Some(PartName::InProgress) || rolling::is_in_progress(name)
}

/// A number as it is written in a name: digits without a leading zero.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
