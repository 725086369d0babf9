//! The one mapping behind an arena: a memfd, mapped shared, on the largest pages there are.
//!
//! Huge pages are tried in turn: reserved ones (`MFD_HUGETLB`), transparent ones (`MADV_HUGEPAGE`,
//! where `/sys/kernel/mm/transparent_hugepage/shmem_enabled` lets a memfd have them), transparent ones
//! without a memfd, where no other process needs the memory (usual settings let private memory have
//! what they keep from a memfd), then plain pages with a note in the log. The kernel hands out zeroed
//! pages, so no byte of a mapping is ever uninitialized. Control plane: runs once, at start.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};

use crate::arena::{ArenaOptions, HugePages};
use crate::error::MemoryError;

/// The huge page size asked for: the one that x86-64 and most AArch64 systems offer.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// The least that is worth a thread of its own when pages are filled.
const PREFAULT_BYTES_MIN: usize = 64 << 20;
/// The kernel's switch for transparent huge pages in memfds.
const SHMEM_ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
/// The kernel's switch for transparent huge pages in private memory.
const PRIVATE_ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// What kind of pages an arena got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageKind {
    /// Pages of 2 MiB out of the reserved ones (`vm.nr_hugepages`).
    HugeReserved,
    /// The kernel was asked for transparent huge pages and allows them here.
    HugeTransparent,
    /// Plain pages.
    Plain,
}

/// A shared mapping of a memfd, or a private one. Unmapped and closed on drop.
pub(crate) struct Mapping {
    map: MmapRaw,
    memfd: Option<File>,
    bytes: usize,
    pages: PageKind,
}

impl Mapping {
    /// Maps `bytes` zeroed bytes on the pages that `options` ask for and the system has.
    pub(crate) fn create(bytes: usize, options: &ArenaOptions) -> Result<Mapping, MemoryError> {
        assert!(bytes > 0, "an arena has at least one segment");
        match options.huge_pages {
            HugePages::Off => Mapping::plain(bytes),
            HugePages::Try => match Mapping::reserved(bytes) {
                Ok(mapping) => Ok(mapping),
                Err(_) if options.private && !is_allowed(SHMEM_ENABLED) => Mapping::private(bytes),
                Err(refusal) => Ok(Mapping::plain(bytes)?.ask_for_transparent(&refusal)),
            },
        }
    }

    /// Fills and locks the pages, as `options` ask, now that it is known on which node each lies.
    pub(crate) fn settle(&self, options: &ArenaOptions) -> Result<(), MemoryError> {
        if options.prefault {
            self.prefault().map_err(|source| MemoryError::Map {
                step: "fill",
                bytes: self.bytes,
                source,
            })?;
        }
        if options.mlock {
            self.lock()?;
        }
        Ok(())
    }

    fn reserved(bytes: usize) -> io::Result<Mapping> {
        let flags = MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
        let whole = bytes.next_multiple_of(HUGE_PAGE_BYTES);
        let (memfd, map) = map_memfd(whole, flags)?;
        Ok(Mapping { map, memfd: Some(memfd), bytes, pages: PageKind::HugeReserved })
    }

    fn plain(bytes: usize) -> Result<Mapping, MemoryError> {
        let (memfd, map) = map_memfd(bytes, MemfdFlags::empty())
            .map_err(|source| MemoryError::Map { step: "map", bytes, source })?;
        Ok(Mapping { map, memfd: Some(memfd), bytes, pages: PageKind::Plain })
    }

    fn private(bytes: usize) -> Result<Mapping, MemoryError> {
        let map = MmapOptions::new().len(bytes).map_anon().map(MmapRaw::from);
        let map = map.map_err(|source| MemoryError::Map { step: "map", bytes, source })?;
        let huge = is_allowed(PRIVATE_ENABLED) && map.advise(Advice::HugePage).is_ok();
        if !huge {
            tracing::info!(bytes, "the memory arena is on plain pages; see {PRIVATE_ENABLED}");
        }
        let pages = if huge { PageKind::HugeTransparent } else { PageKind::Plain };
        Ok(Mapping { map, memfd: None, bytes, pages })
    }

    /// Asks for transparent huge pages and notes what came of it.
    fn ask_for_transparent(mut self, refusal: &io::Error) -> Mapping {
        let allowed = std::fs::read_to_string(SHMEM_ENABLED).unwrap_or_default();
        let advised = self.map.advise(Advice::HugePage);
        if advised.is_ok() && is_allowed(SHMEM_ENABLED) {
            self.pages = PageKind::HugeTransparent;
        } else {
            tracing::info!(
                bytes = self.bytes,
                reserved = %refusal,
                shmem_enabled = allowed.trim(),
                "the memory arena is on plain pages; for huge ones set vm.nr_hugepages, \
                 or write advise to {SHMEM_ENABLED}"
            );
        }
        self
    }

    /// Has the kernel fill all pages, from several threads when there are many.
    fn prefault(&self) -> io::Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let part = self.bytes.div_ceil(cores).max(PREFAULT_BYTES_MIN);
        let part = part.next_multiple_of(HUGE_PAGE_BYTES);
        let fill = |at: usize| {
            let populate = Advice::PopulateWrite;
            match self.map.advise_range(populate, at, part.min(self.bytes - at)) {
                // Before Linux 5.14: have pages at least, if not yet mapped.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    let Some(memfd) = &self.memfd else { return Err(error) };
                    let all = FallocateFlags::empty();
                    Ok(fallocate(memfd, all, at as u64, part.min(self.bytes - at) as u64)?)
                }
                other => other,
            }
        };
        std::thread::scope(|scope| {
            let start = |at| {
                let thread = std::thread::Builder::new().name("brisk-prefault".to_owned());
                thread.spawn_scoped(scope, move || fill(at))
            };
            let rest: Vec<_> = (0..self.bytes).step_by(part).skip(1).map(start).collect();
            fill(0)?;
            for thread in rest {
                thread?.join().expect("filling pages does not panic")?;
            }
            Ok(())
        })
    }

    fn lock(&self) -> Result<(), MemoryError> {
        self.map.lock().map_err(|source| {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock);
            let limit = limit.current.map_or("none".to_owned(), |bytes| format!("{bytes} bytes"));
            MemoryError::Lock { bytes: self.bytes, limit, source }
        })
    }

    /// Where it starts.
    pub(crate) fn base(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// How many bytes were asked for.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it lies on.
    pub(crate) fn pages(&self) -> PageKind {
        self.pages
    }

    /// The size of the pages it certainly lies on.
    pub(crate) fn page_bytes(&self) -> usize {
        match self.pages {
            PageKind::HugeReserved => HUGE_PAGE_BYTES,
            PageKind::HugeTransparent | PageKind::Plain => rustix::param::page_size(),
        }
    }

    /// The memfd, for handing the memory to another process; a private mapping has none.
    pub(crate) fn memfd(&self) -> Option<BorrowedFd<'_>> {
        self.memfd.as_ref().map(AsFd::as_fd)
    }
}

fn map_memfd(bytes: usize, flags: MemfdFlags) -> io::Result<(File, MmapRaw)> {
    let memfd = File::from(memfd_create("brisk-arena", flags | MemfdFlags::CLOEXEC)?);
    ftruncate(&memfd, bytes as u64)?;
    let map = MmapOptions::new().len(bytes).map_raw(&memfd)?;
    Ok((memfd, map))
}

/// Whether a switch for transparent huge pages lets those have them that ask.
fn is_allowed(switch: &str) -> bool {
    let setting = std::fs::read_to_string(switch).unwrap_or_default();
    !setting.is_empty() && !["[never]", "[deny]"].iter().any(|word| setting.contains(word))
}
