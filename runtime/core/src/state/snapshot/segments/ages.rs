//! How many parts of a table need how old a log.

use crate::state::table::Version;

/// Greater ages are counted together: there are not so many checkpoints with a log.
const AGE_MAX: u64 = 4096;

/// Counts of versions, by how far they are in the past.
#[derive(Default, Debug)]
pub(super) struct Ages {
    now: Version,
    counts: Vec<u32>,
    total: usize,
}

/// So many of those that are counted, the oldest ones first.
#[derive(Debug)]
pub(super) struct Oldest {
    now: Version,
    /// All that are older, and so many that are as old.
    age: usize,
    left: u32,
}

/// Where a version is counted.
fn place(version: Version, now: Version) -> usize {
    version.age(now).min(AGE_MAX) as usize
}

impl Ages {
    /// Counts none, from this version on into the past.
    pub(super) fn begin(&mut self, now: Version) {
        self.counts.fill(0);
        (self.now, self.total) = (now, 0);
    }

    #[inline]
    pub(super) fn add(&mut self, version: Version) {
        let place = place(version, self.now);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.total += 1;
    }

    /// Takes one back that was added.
    pub(super) fn remove(&mut self, version: Version) {
        self.counts[place(version, self.now)] -= 1;
        self.total -= 1;
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The oldest version, or one that is older still.
    pub(super) fn first(&self) -> Option<Version> {
        let age = self.counts.iter().rposition(|count| *count > 0)? as u64;
        Some(if age == AGE_MAX { Version::FIRST } else { self.now.before(age) })
    }

    /// The `count` oldest ones.
    pub(super) fn oldest(&self, count: usize) -> Oldest {
        let mut left = count;
        for (age, of_age) in self.counts.iter().enumerate().rev() {
            if *of_age as usize >= left {
                return Oldest { now: self.now, age, left: left as u32 };
            }
            left -= *of_age as usize;
        }
        Oldest { now: self.now, age: 0, left: self.counts.first().copied().unwrap_or(0) }
    }
}

impl Oldest {
    /// Whether this one, which is counted, is among them; asked once for each.
    #[inline]
    pub(super) fn has(&mut self, version: Version) -> bool {
        let place = place(version, self.now);
        let is_among = place > self.age || place == self.age && self.left > 0;
        self.left -= u32::from(is_among && place == self.age);
        is_among
    }
}
