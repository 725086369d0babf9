//! In place of the mapping where there are no system calls: under loom and under Miri.
//!
//! The same interface over zeroed heap memory, aligned as pages are. Never part of a real build.

use std::cell::UnsafeCell;

use crate::arena::ArenaOptions;
use crate::error::MemoryError;

const PAGE_BYTES: usize = 4096;

/// What kind of pages an arena got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageKind {
    /// Plain pages.
    Plain,
}

#[repr(C, align(4096))]
struct Page(UnsafeCell<[u8; PAGE_BYTES]>);

/// Memory that looks like a mapping.
pub(crate) struct Mapping {
    pages: Box<[Page]>,
}

// SAFETY: the pages are reached through segments only, each by one writer or by readers.
#[expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
unsafe impl Send for Mapping {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "the bytes of a segment are reached by pointer")]
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `bytes` zeroed bytes; nothing of `options` means anything here.
    pub(crate) fn create(bytes: usize, _options: &ArenaOptions) -> Result<Mapping, MemoryError> {
        let page = || Page(UnsafeCell::new([0; PAGE_BYTES]));
        let pages = std::iter::repeat_with(page).take(bytes.div_ceil(PAGE_BYTES)).collect();
        Ok(Mapping { pages })
    }

    /// There is nothing to fill or lock.
    pub(crate) fn settle(&self, _options: &ArenaOptions) -> Result<(), MemoryError> {
        Ok(())
    }

    /// Where it starts.
    pub(crate) fn base(&self) -> *mut u8 {
        self.pages.as_ptr().cast_mut().cast()
    }

    /// How many bytes there are.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.len() * PAGE_BYTES
    }

    /// The size of its pages.
    pub(crate) fn page_bytes(&self) -> usize {
        PAGE_BYTES
    }

    /// What it lies on.
    pub(crate) fn pages(&self) -> PageKind {
        PageKind::Plain
    }
}
