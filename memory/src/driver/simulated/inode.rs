//! The content of one simulated file: what readers see, and what is on the disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use super::random::Random;

/// The part of a file that reaches the disk as a whole or not at all.
pub(super) const SECTOR: usize = 512;

/// Holds the lock of a file or folder until it is dropped.
#[derive(Debug)]
pub(crate) struct SimulatedLock {
    #[expect(dead_code, reason = "the lock is held as long as this lives")]
    token: Arc<()>,
}

/// The lock of a file or folder.
#[derive(Debug, Default)]
pub(super) struct Lock {
    holder: Weak<()>,
}

impl Lock {
    /// None while another holds it.
    pub(super) fn try_take(&mut self) -> Option<SimulatedLock> {
        if self.holder.strong_count() > 0 {
            return None;
        }
        let token = Arc::new(());
        self.holder = Arc::downgrade(&token);
        Some(SimulatedLock { token })
    }
}

#[derive(Debug, Default)]
pub(super) struct Inode {
    number: u64,
    lock: Lock,
    /// What reads give.
    cached: Vec<u8>,
    /// What a crash leaves at least.
    durable: Vec<u8>,
    /// Sectors written since the last sync, and whether the length changed.
    dirty: BTreeSet<usize>,
    length_dirty: bool,
}

impl Inode {
    pub(super) fn new(number: u64) -> Inode {
        Inode { number, ..Inode::default() }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn lock(&mut self) -> &mut Lock {
        &mut self.lock
    }

    pub(super) fn len(&self) -> u64 {
        self.cached.len() as u64
    }

    /// Copies from `offset`; the number of bytes is smaller than asked at the end of the file.
    pub(super) fn read(&self, offset: u64, into: &mut [u8]) -> usize {
        let start = usize::try_from(offset).expect("a file in memory").min(self.cached.len());
        let bytes = into.len().min(self.cached.len() - start);
        into[..bytes].copy_from_slice(&self.cached[start..start + bytes]);
        bytes
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = usize::try_from(offset).expect("a file in memory");
        let end = start + bytes.len();
        if end > self.cached.len() {
            self.cached.resize(end, 0);
            self.length_dirty = true;
        }
        self.cached[start..end].copy_from_slice(bytes);
        self.dirty.extend(start / SECTOR..end.div_ceil(SECTOR));
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let len = usize::try_from(len).expect("a file in memory");
        // What is cut off must read as zeros if the file grows again, on the disk too.
        if len < self.cached.len() {
            self.dirty.extend(len / SECTOR..self.cached.len().div_ceil(SECTOR));
        }
        self.cached.resize(len, 0);
        self.length_dirty = true;
    }

    /// A sync that worked.
    pub(super) fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            self.settle(sector);
        }
        self.length_dirty = false;
    }

    /// A sync that failed: as in Linux, the cache forgets that its pages differ from the disk.
    pub(super) fn lose_dirty(&mut self) {
        self.dirty.clear();
    }

    /// The machine lost power: any part of what was not synced may have reached the disk.
    pub(super) fn crash(&mut self, random: &mut Random) {
        if self.length_dirty && random.coin() {
            self.durable.resize(self.cached.len(), 0);
        }
        for sector in std::mem::take(&mut self.dirty) {
            if random.coin() {
                self.settle(sector);
            }
        }
        self.length_dirty = false;
        self.lock = Lock::default();
        self.cached.clone_from(&self.durable);
    }

    /// One sector reaches the disk, as far as the file is that long there.
    fn settle(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let end = (start + SECTOR).min(self.cached.len()).min(self.durable.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.cached[start..end]);
        }
    }
}
