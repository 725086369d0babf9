//! What TaskManager and JobManager have in common: the process around Flink's own memory.
//!
//! process = flink + metaspace + overhead, where two of the three are derived from the one that is
//! set, or checked against each other when more are set.

use super::error::{ModelError, Part, Parts};
use super::figure::Figure;
use super::share::{Share, Whole};

/// The keys of one kind of process, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessKeys {
    pub(super) process: &'static str,
    pub(super) flink: &'static str,
    pub(super) metaspace: &'static str,
    pub(super) overhead: &'static str,
}

/// What was set about the process.
#[derive(Clone, Debug)]
pub(super) struct ProcessInputs {
    pub(super) keys: ProcessKeys,
    pub(super) process: Option<Figure>,
    pub(super) metaspace: Figure,
    pub(super) overhead: Share,
}

impl ProcessInputs {
    /// From the process size downwards: overhead and flink size.
    pub(super) fn split(&self, process: &Figure) -> Result<(Figure, Figure), ModelError> {
        let overhead = self.overhead.of_whole(process.size, "the process size");
        let reserve = self.metaspace.size + overhead.size;
        if reserve > process.size {
            let parts = vec![
                Part { key: self.keys.metaspace, size: self.metaspace.size },
                Part { key: self.keys.overhead, size: overhead.size },
            ];
            return Err(exceeds(parts, self.whole(process)));
        }
        let flink = Figure::rest_of(process, reserve, "the process size");
        assert_eq!(flink.size + reserve, process.size, "the split loses no byte");
        Ok((overhead, flink))
    }

    /// From the flink size upwards: the overhead, which is what is left when the process size is set
    /// too.
    pub(super) fn around(&self, flink: &Figure) -> Result<Figure, ModelError> {
        let inner = flink.size + self.metaspace.size;
        let Some(process) = &self.process else {
            return Ok(self.overhead.of_rest(inner, "flink size and metaspace"));
        };
        if inner > process.size {
            let parts = vec![
                Part { key: self.keys.flink, size: flink.size },
                Part { key: self.keys.metaspace, size: self.metaspace.size },
            ];
            return Err(exceeds(parts, self.whole(process)));
        }
        let overhead = Figure::rest_of(process, inner, "the process size");
        self.overhead.check(overhead.size, self.whole(process))?;
        Ok(overhead)
    }

    fn whole<'a>(&self, process: &'a Figure) -> Whole<'a> {
        Whole { name: self.keys.process, key: self.keys.process, figure: process }
    }
}

pub(super) fn exceeds(parts: Vec<Part>, whole: Whole<'_>) -> ModelError {
    let (parts, total) = (Parts(parts), whole.figure.size);
    assert!(parts.sum() > total, "only parts that exceed their whole are refused");
    ModelError::PartsExceedWhole { parts, whole: whole.name, key: whole.key, total }
}
