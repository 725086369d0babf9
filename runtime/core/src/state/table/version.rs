//! Versions of a table: one between two freezes.

/// Counts the freezes of a table. A segment that changed in or after a version differs from what was
/// frozen at the end of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    /// Of a new table.
    pub const FIRST: Self = Self(0);

    /// The one after this.
    pub(in crate::state) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// How many versions before `now` it is.
    pub(in crate::state) fn age(self, now: Self) -> u64 {
        now.0.checked_sub(self.0).expect("what is kept is of the past")
    }

    /// The one so many versions before.
    pub(in crate::state) fn before(self, age: u64) -> Self {
        Self(self.0.saturating_sub(age))
    }
}
