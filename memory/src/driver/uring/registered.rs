#![expect(unsafe_code, reason = "the kernel is told addresses of the arena")]
//! Memory and files that the kernel knows already, so that it need not look them up each time.
//!
//! **Memory.** The arena is cut into parts, and a part is registered when the first transfer uses
//! it. Registering all at start would touch all pages (256 MiB took 1.9 s on a busy machine) and
//! pin what may never see a transfer; a part costs about what it saves on its second use. A
//! registered transfer of 32 KiB took 3.7 us of CPU instead of 5.8, one of 1 MiB 27 instead of 49.
//! Where the system refuses, for its limit of locked memory for instance, transfers go on
//! unregistered.
//!
//! **Files.** A file gets one of a few slots with its first transfer; its slot is free again when
//! its last handle is gone. The kernel keeps the file open until the driver next sleeps or needs
//! the slot, so whoever removes a large file cuts it to nothing first.

use io_uring::{IoUring, Submitter};

use crate::Arena;
use crate::driver::File;
use crate::driver::files::WeakFile;

/// The kernel's limit is 16384 registered buffers; half of it is plenty.
const PARTS_MAX: usize = 8192;

/// The kernel's limit for one registered buffer.
const PART_BYTES_MAX: usize = 1 << 30;

/// Files that have a slot at a time. Few, since they are searched one by one.
const FILES_MAX: u32 = 32;

pub(super) struct RegisteredMemory {
    /// Keeps the memory mapped as long as the ring may use it.
    arena: Option<Arena>,
    start: usize,
    bytes: usize,
    part_bytes: usize,
    /// Which parts the kernel knows.
    parts: Vec<bool>,
}

impl RegisteredMemory {
    pub(super) fn new(ring: &IoUring, arena: Option<Arena>) -> RegisteredMemory {
        let mut memory =
            RegisteredMemory { arena, start: 0, bytes: 0, part_bytes: 1, parts: Vec::new() };
        let Some(arena) = &memory.arena else { return memory };
        let pieces = arena.as_iovec();
        memory.start = pieces.first().expect("an arena has a segment").0.addr();
        memory.bytes = pieces.iter().map(|(_, len)| len).sum();
        let least = memory.bytes.div_ceil(PARTS_MAX).next_power_of_two();
        memory.part_bytes = least.max(arena.segment_size().bytes());
        assert!(memory.part_bytes <= PART_BYTES_MAX, "an arena of {} bytes", memory.bytes);
        let count = memory.bytes.div_ceil(memory.part_bytes);
        let table = u32::try_from(count).expect("at most PARTS_MAX");
        match ring.submitter().register_buffers_sparse(table) {
            Ok(()) => memory.parts = vec![false; count],
            Err(error) => memory.give_up(&error),
        }
        memory
    }

    /// The number under which the kernel knows the memory at `address`, if it does.
    pub(super) fn number_of(&mut self, ring: &Submitter<'_>, address: usize) -> Option<u16> {
        let offset = address.checked_sub(self.start).filter(|offset| *offset < self.bytes)?;
        let part = offset / self.part_bytes;
        let known = *self.parts.get(part)?;
        if !known && !self.register(ring, part) {
            return None;
        }
        Some(u16::try_from(part).expect("at most PARTS_MAX"))
    }

    #[cold]
    fn register(&mut self, ring: &Submitter<'_>, part: usize) -> bool {
        let offset = part * self.part_bytes;
        let vector = libc::iovec {
            iov_base: std::ptr::without_provenance_mut(self.start + offset),
            iov_len: self.part_bytes.min(self.bytes - offset),
        };
        let number = u32::try_from(part).expect("at most PARTS_MAX");
        // SAFETY: the addresses lie in the arena's mapping, which `arena` keeps mapped until the
        // ring is gone (it is dropped after the ring); the kernel reads and writes them only for
        // transfers, whose buffers their own rules protect.
        let done = unsafe { ring.register_buffers_update(number, &[vector], None) };
        match &done {
            Ok(()) => self.parts[part] = true,
            Err(error) => self.give_up(error),
        }
        done.is_ok()
    }

    /// No further parts; those that are registered stay so.
    fn give_up(&mut self, error: &std::io::Error) {
        static NOTED: std::sync::Once = std::sync::Once::new();
        NOTED.call_once(|| {
            tracing::info!(
                "transfers go on without registered memory: {error} (the limit of locked memory, \
                 ulimit -l, may be too low)"
            );
        });
        let known = self.parts.iter().rposition(|known| *known).map_or(0, |last| last + 1);
        self.parts.truncate(known);
        self.bytes = self.bytes.min(known * self.part_bytes);
    }
}

pub(super) struct RegisteredFiles {
    slots: Vec<Option<WeakFile>>,
}

impl RegisteredFiles {
    pub(super) fn new(ring: &IoUring) -> RegisteredFiles {
        let mut files = RegisteredFiles { slots: Vec::new() };
        // Without slots every transfer names its descriptor, which costs no feature.
        if ring.submitter().register_files_sparse(FILES_MAX).is_ok() {
            files.slots.resize_with(FILES_MAX as usize, || None);
        }
        files
    }

    /// The slot of this file, given to it now if one is free.
    pub(super) fn slot_of(&mut self, ring: &Submitter<'_>, file: &File) -> Option<u32> {
        let has = |slot: &Option<WeakFile>| slot.as_ref().is_some_and(|held| held.is(file));
        if let Some(found) = self.slots.iter().position(has) {
            return u32::try_from(found).ok();
        }
        if !self.slots.iter().any(Option::is_none) {
            self.release_closed(ring);
        }
        let free = self.slots.iter().position(Option::is_none)?;
        let slot = u32::try_from(free).expect("few slots");
        ring.register_files_update(slot, &[file.raw_descriptor()]).ok()?;
        self.slots[free] = Some(file.downgrade());
        Some(slot)
    }

    /// Lets go of the files that nobody has open any more.
    pub(super) fn release_closed(&mut self, ring: &Submitter<'_>) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(WeakFile::is_closed) {
                let number = u32::try_from(index).expect("few slots");
                if ring.register_files_update(number, &[-1]).is_ok() {
                    *slot = None;
                }
            }
        }
    }
}
