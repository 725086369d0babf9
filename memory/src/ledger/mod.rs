//! The ledger: who holds the process's memory, part by part, adding up to what is resident.
//!
//! Resident bytes come from the kernel: `/proc/self/smaps` says how much of each mapping is there,
//! `/proc/self/pagemap` which segments of an arena are. Names come from us: pools for segments,
//! owners for the heap. What both say about the heap differs (memory that is allocated and not
//! touched, that is freed and not given back, that `malloc` keeps books in); that is a line of its
//! own, not hidden in another.
//!
//! Control plane, on demand: reads 8 bytes per page of an arena. A ledger is not a snapshot: threads
//! go on while it is taken. Deliberately absent: memory of the kernel for us (page tables, sockets).

mod residence;
mod smaps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use crate::arena::Arena;
use crate::config::MemorySize;
use crate::heap;
use residence::Residence;
use smaps::{Mapped, Stacks};

/// What a line of the ledger is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// Segments of network regions.
    Network,
    /// Segments of managed regions.
    Managed,
    /// The heap, as the counting allocator counts it.
    Heap,
    /// Stacks of threads.
    Stacks,
    /// The program's code and static data.
    Program,
    /// Libraries and other mapped files.
    Files,
    /// What is none of these: rings shared with the kernel, arenas that were not named.
    Rest,
    /// What the heap's mappings hold beyond what is counted; less than nothing when memory is
    /// allocated and not touched.
    Uncounted,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Network => "network",
            Part::Managed => "managed",
            Part::Heap => "heap",
            Part::Stacks => "stacks",
            Part::Program => "program",
            Part::Files => "files",
            Part::Rest => "rest",
            Part::Uncounted => "uncounted",
        })
    }
}

/// One line: a part, who holds it, how much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerLine {
    /// What it is about.
    pub part: Part,
    /// A pool's owner, an owner of heap memory, a file.
    pub holder: String,
    /// Resident bytes.
    pub bytes: i64,
}

/// Who holds the process's memory.
#[derive(Clone, Debug)]
pub struct Ledger {
    lines: Vec<LedgerLine>,
    resident: u64,
}

impl Ledger {
    /// Takes stock. `arenas` are the process's; one that is not named counts for the rest.
    pub fn take(arenas: &[Arena]) -> io::Result<Ledger> {
        let mut sums = BTreeMap::new();
        let mut residence = Residence::of_process()?;
        for region in arenas.iter().flat_map(|arena| [arena.network(), arena.managed()]) {
            residence.add_region(region, &mut sums)?;
        }
        let mapped = smaps::read()?;
        let stacks = Stacks::find(&mapped);
        let mut heap_resident = 0;
        for mapping in mapped.iter().filter(|mapping| !is_of(arenas, mapping)) {
            match mapping.part(&stacks) {
                Part::Heap => heap_resident += signed(mapping.resident),
                part => *sums.entry((part, mapping.holder(part))).or_default() += mapping.resident,
            }
        }
        let line = |((part, holder), bytes)| LedgerLine { part, holder, bytes: signed(bytes) };
        let mut lines: Vec<_> = sums.into_iter().map(line).collect();
        lines.extend(heap_lines(heap_resident));
        lines.retain(|line| line.bytes != 0);
        lines.sort_by(|a, b| a.part.cmp(&b.part).then(b.bytes.cmp(&a.bytes)));
        Ok(Ledger { lines, resident: smaps::resident()? })
    }

    /// By part, the largest first within each.
    pub fn lines(&self) -> &[LedgerLine] {
        &self.lines
    }

    /// What the lines add up to.
    pub fn sum(&self) -> i64 {
        self.lines.iter().map(|line| line.bytes).sum()
    }

    /// What one part adds up to.
    pub fn sum_of(&self, part: Part) -> i64 {
        self.lines.iter().filter(|line| line.part == part).map(|line| line.bytes).sum()
    }

    /// What the kernel says the process has in memory, reserved huge pages included.
    pub fn resident(&self) -> u64 {
        self.resident
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LedgerLine { part, holder, bytes } in &self.lines {
            writeln!(f, "{part:<10}{:>14}  {holder}", human(*bytes))?;
        }
        writeln!(f, "{:<10}{:>14}", "sum", human(self.sum()))?;
        write!(f, "{:<10}{:>14}", "resident", human(signed(self.resident)))
    }
}

/// The heap by owner, what owners freed for others, and what remains of the heap's mappings.
fn heap_lines(resident: i64) -> Vec<LedgerLine> {
    let used = signed(heap::used());
    let line = |part, holder: &str, bytes| LedgerLine { part, holder: holder.to_owned(), bytes };
    let holders = heap::holders();
    let owned = holders.iter().map(|(owner, bytes)| line(Part::Heap, owner, signed(bytes)));
    let mut lines: Vec<_> = owned.collect();
    let held: i64 = lines.iter().map(|line| line.bytes).sum();
    lines.push(line(Part::Heap, "freed for others", used - held));
    lines.push(line(Part::Uncounted, "free, not touched, or malloc's own", resident - used));
    lines
}

/// Whether a mapping is part of one of these arenas; an arena on several nodes has several.
fn is_of(arenas: &[Arena], mapping: &Mapped) -> bool {
    arenas
        .iter()
        .map(Arena::address_range)
        .any(|arena| mapping.range.start < arena.end && arena.start < mapping.range.end)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("memory is smaller than that")
}

fn human(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", MemorySize::from_bytes(bytes.unsigned_abs()).human())
}
