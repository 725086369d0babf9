//! The kernel's list of mappings, `/proc/self/smaps`, and what each is for.

use std::io;
use std::ops::Range;

use crate::ledger::Part;

/// A mapping of no access that is no larger than this, right below another, guards a stack.
const GUARD_BYTES_MAX: usize = 64 << 10;

/// One mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mapped {
    pub(super) range: Range<usize>,
    /// As printed: `rw-p`.
    access: String,
    path: String,
    /// Bytes in memory, reserved huge pages included.
    pub(super) resident: u64,
}

/// All mappings of the process, by address.
pub(super) fn read() -> io::Result<Vec<Mapped>> {
    Ok(parse(&std::fs::read_to_string("/proc/self/smaps")?))
}

/// What the process has in memory in all.
pub(super) fn resident() -> io::Result<u64> {
    // One mapping that stands for all.
    let all = parse(&std::fs::read_to_string("/proc/self/smaps_rollup")?);
    Ok(all.iter().map(|mapping| mapping.resident).sum())
}

/// Reads the kernel's text; what is not understood is skipped.
pub(super) fn parse(text: &str) -> Vec<Mapped> {
    let mut mappings: Vec<Mapped> = Vec::new();
    for line in text.lines() {
        if let Some(mapping) = parse_head(line) {
            mappings.push(mapping);
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        if !matches!(key, "Rss" | "Shared_Hugetlb" | "Private_Hugetlb") {
            continue;
        }
        let kib = value.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok());
        if let (Some(kib), Some(mapping)) = (kib, mappings.last_mut()) {
            mapping.resident += kib << 10;
        }
    }
    mappings
}

/// `55e8a2a00000-55e8a2a21000 rw-p 00000000 00:00 0    [heap]`
fn parse_head(line: &str) -> Option<Mapped> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    let access = words.next()?.to_owned();
    let path = words.skip(3).collect::<Vec<_>>().join(" ");
    Some(Mapped { range, access, path, resident: 0 })
}

/// Where the stacks of threads are.
pub(super) struct Stacks {
    /// A stack pointer of each thread that waits, and starts of mappings above a guard.
    inside: Vec<usize>,
}

impl Stacks {
    /// Finds them by where waiting threads are and by the guard below each.
    pub(super) fn find(mapped: &[Mapped]) -> Stacks {
        let guarded = mapped.windows(2).filter_map(|pair| {
            let guards = pair[0].access == "---p"
                && pair[0].range.len() <= GUARD_BYTES_MAX
                && pair[0].range.end == pair[1].range.start;
            guards.then_some(pair[1].range.start)
        });
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let waiting = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("syscall")).ok()?;
            stack_pointer(&text)
        });
        Stacks { inside: guarded.chain(waiting).collect() }
    }

    fn holds(&self, mapping: &Mapped) -> bool {
        mapping.path.starts_with("[stack")
            || mapping.path.contains("pthread stack")
            || self.inside.iter().any(|address| mapping.range.contains(address))
    }
}

/// The last but one of the numbers in `/proc/self/task/N/syscall`; there is none of a running thread.
pub(super) fn stack_pointer(text: &str) -> Option<usize> {
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let pointer = words.len().checked_sub(2).map(|at| words[at])?;
    usize::from_str_radix(pointer.strip_prefix("0x")?, 16).ok()
}

impl Mapped {
    /// What it is for.
    pub(super) fn part(&self, stacks: &Stacks) -> Part {
        let unnamed = self.path.is_empty() || self.path.starts_with("[anon");
        if self.access.ends_with('p') && (unnamed || self.path.starts_with("[stack")) {
            return if stacks.holds(self) { Part::Stacks } else { Part::Heap };
        }
        match self.path.as_str() {
            "[heap]" => Part::Heap,
            path if std::env::current_exe().is_ok_and(|exe| exe.as_os_str() == path) => {
                Part::Program
            }
            path if path.starts_with('/') && !path.starts_with("/memfd:") => Part::Files,
            _ => Part::Rest,
        }
    }

    /// Under which name a part's line shows it.
    pub(super) fn holder(&self, part: Part) -> String {
        match part {
            Part::Program if self.access.contains('x') => "code".to_owned(),
            Part::Program => "data".to_owned(),
            Part::Stacks if self.path == "[stack]" => "main".to_owned(),
            Part::Stacks => "threads".to_owned(),
            Part::Files => self.path.rsplit('/').next().unwrap_or_default().to_owned(),
            _ if self.path.is_empty() => "shared memory without a name".to_owned(),
            _ => self.path.clone(),
        }
    }
}
