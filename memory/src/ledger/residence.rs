//! Which pages are in memory: `/proc/self/pagemap`, one 64-bit word per page.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::ledger::Part;
use crate::pool::{Region, RegionKind};

/// The bit of a page's word that says it is mapped and in memory.
const PRESENT: u64 = 1 << 63;
const WORD_BYTES: usize = size_of::<u64>();

/// The pages of the process.
pub(super) struct Residence {
    pagemap: File,
    words: Vec<u8>,
    page_bytes: usize,
}

impl Residence {
    /// Opens the kernel's table.
    pub(super) fn of_process() -> io::Result<Residence> {
        let pagemap = File::open("/proc/self/pagemap")?;
        Ok(Residence { pagemap, words: Vec::new(), page_bytes: rustix::param::page_size() })
    }

    /// Resident bytes among `bytes` from `start` on, both multiples of a page.
    pub(super) fn resident(&mut self, start: usize, bytes: usize) -> io::Result<u64> {
        self.words.resize(bytes / self.page_bytes * WORD_BYTES, 0);
        let offset = start / self.page_bytes * WORD_BYTES;
        self.pagemap.read_exact_at(&mut self.words, offset as u64)?;
        let words = self.words.as_chunks::<WORD_BYTES>().0.iter();
        let present = words.filter(|word| u64::from_ne_bytes(**word) & PRESENT != 0).count();
        Ok((present * self.page_bytes) as u64)
    }

    /// Adds the resident bytes of a region's segments to who has drawn them.
    pub(super) fn add_region(
        &mut self,
        region: &Region,
        sums: &mut BTreeMap<(Part, String), u64>,
    ) -> io::Result<()> {
        let part = match region.kind() {
            RegionKind::Network => Part::Network,
            RegionKind::Managed => Part::Managed,
        };
        // The owners of all segments first, at one moment; pages take longer.
        let drawers = region.drawers();
        let segment_bytes = region.segment_size().bytes();
        for (address, owner) in drawers.segments {
            let bytes = self.resident(address, segment_bytes)?;
            let holder = owner.map_or("free", |owner| drawers.owners[owner].as_str());
            if bytes > 0 {
                *sums.entry((part, holder.to_owned())).or_default() += bytes;
            }
        }
        Ok(())
    }
}
