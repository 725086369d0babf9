//! A table as its segments, for whoever writes them as they are.

use brisk_memory::{Claims, HeldIndex, driver::IoBuffer};

use super::{segments::Wanted, version::Version};
use crate::state::StateError;

/// What is in a segment of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum PartKind {
    /// Slots, or overflow of such.
    Bucket {
        /// The least hash that its keys may have.
        first_hash: u32,
        /// The logarithm of the number of hashes, some of which may be of other subtasks.
        open_bits: u8,
    },
    /// Entries of a log, one behind the other.
    Entries {
        /// Bytes of them.
        used: u32,
    },
    /// A part of one long entry.
    PartOfLong,
    /// No segment of the table but of its log of changes, one behind the other.
    Changes {
        /// Bytes of them.
        used: u32,
    },
}

impl PartKind {
    /// Whether keys are found in it.
    pub(in crate::state) fn is_bucket(self) -> bool {
        matches!(self, Self::Bucket { .. })
    }
}

/// A segment of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct TablePart {
    /// What is in it.
    pub(in crate::state) kind: PartKind,
    /// Its number, among those of the index or of the log.
    pub(in crate::state) number: u32,
    /// When it last changed in any way that is not in the log of changes.
    pub(in crate::state) changed: Version,
    /// When it last changed in a way that is, if the log is kept.
    pub(in crate::state) logged: Version,
}

impl TablePart {
    /// When it last changed in any way.
    pub(in crate::state) fn last_changed(&self) -> Version {
        self.changed.max(self.logged)
    }
}

/// The segments that are wanted of a frozen table.
#[derive(Debug)]
pub(in crate::state) struct Image {
    index: Wanted,
    log: Option<Wanted>,
}

impl Image {
    pub(super) fn new(index: Wanted, log: Option<Wanted>) -> Self {
        Self { index, log }
    }

    fn wanted(&self) -> impl Iterator<Item = &Wanted> {
        std::iter::once(&self.index).chain(&self.log)
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = &Claims> {
        self.wanted().map(Wanted::claims)
    }

    /// Takes the bytes of a part, which whoever wants to change it need not copy from then on but
    /// while they are held; `None` if it is not wanted, or was taken.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub(in crate::state) fn take(&self, part: &TablePart) -> Result<Option<IoBuffer>, StateError> {
        let wanted = if part.kind.is_bucket() { Some(&self.index) } else { self.log.as_ref() };
        wanted.map_or(Ok(None), |wanted| wanted.take(HeldIndex(part.number)))
    }

    /// Whether there was no memory for copies: the table should not change until all were taken.
    pub(in crate::state) fn is_starved(&self) -> bool {
        self.wanted().any(Wanted::is_starved)
    }
}
