//! The plan of a program that runs Brisk inside itself and sets no size.
//!
//! As Flink's MiniCluster does, such a program gets fixed small pools instead of shares of the
//! machine, since the rest of the memory is its own. Managed memory, where keyed state lies, is larger
//! than a MiniCluster's: segments that are not used take no memory, and 2 gb hold some 30 million keys:
//!
//! ```text
//! network    16 mb for each slot, at least 64 mb, at most 1 gb; never more than 1/8 of what there is
//! managed    2 gb; never more than 1/4 of what there is
//! overhead   1/10 of what there is, at most 1 gb
//! framework  nothing apart: the runtime's heap counts with the program's
//! metaspace  nothing apart
//! task heap  what is left
//! ```
//!
//! "What there is" is the memory of the machine or the limit of the container, whichever is less, or
//! 1728 mb where neither is known. Every part can be set with its own key; once one of the keys is
//! set that decide the size of a TaskManager, its whole plan is derived as a TaskManager's is.

use std::num::NonZeroU32;

use super::derivation::{NETWORK, OVERHEAD, Parts, has_deciding_key};
use super::error::Part;
use super::figure::{Figure, place};
use super::host::HostMemory;
use super::process::exceeds;
use super::share::{Share, Whole};
use super::task_manager::TaskManagerMemory;
use crate::config::options::memory;
use crate::config::{ConfigError, ConfigOption, Configuration, MemorySize};

/// Flink's own size for a TaskManager, in the file it ships.
const AVAILABLE_IF_UNKNOWN: MemorySize = MemorySize::from_mib(1728);

const NETWORK_PER_SLOT: MemorySize = MemorySize::from_mib(16);
const NETWORK_LEAST: MemorySize = MemorySize::from_mib(64);
const NETWORK_MOST: MemorySize = MemorySize::from_mib(1024);
const MANAGED: MemorySize = MemorySize::from_mib(2048);

impl TaskManagerMemory {
    /// The plan of an embedded program with this many slots. Where no key decides the size of the
    /// process, network memory is 16 mb for each slot, at least 64 mb and at most 1 gb or 1/8 of what
    /// there is; managed memory is 2 gb, at most 1/4 of what there is; the program itself has the
    /// rest. Keys of single parts are honoured.
    ///
    /// # Errors
    /// As [`from_configuration`](Self::from_configuration).
    pub fn for_embedded(
        config: &Configuration,
        host: &HostMemory,
        slots: NonZeroU32,
    ) -> Result<TaskManagerMemory, ConfigError> {
        if has_deciding_key(config) {
            let planned = TaskManagerMemory::from_configuration(config, host)?;
            return Ok(planned.with_slots(slots));
        }
        let parts = small_plan(config, host, slots)?;
        TaskManagerMemory::new(config, slots, parts)
    }
}

fn small_plan(
    config: &Configuration,
    host: &HostMemory,
    slots: NonZeroU32,
) -> Result<Parts, ConfigError> {
    let available = match (host.available(), &host.container) {
        (Some(size), Some(limit)) if limit.size == size => {
            Figure::derived(size, format!("the container's limit in {}", limit.file.display()))
        }
        (Some(size), _) => Figure::derived(size, "the machine's memory"),
        (None, _) => Figure::derived(AVAILABLE_IF_UNKNOWN, "assumed"),
    };
    let network = network(config, available.size, slots)?;
    let managed = Figure::if_set(config, &memory::MANAGED_SIZE)?.unwrap_or_else(|| {
        at_most(MANAGED, available.size / 4, "embedded default", "1/4 of what there is")
    });
    let overhead = overhead(config, available.size)?;
    let unless_set = |option: &ConfigOption<MemorySize>| {
        if config.contains(option) {
            return Figure::of(config, option);
        }
        Ok(Figure::derived(MemorySize::ZERO, "embedded default"))
    };
    let framework_heap = unless_set(&memory::FRAMEWORK_HEAP)?;
    let framework_off_heap = unless_set(&memory::FRAMEWORK_OFF_HEAP)?;
    let task_off_heap = Figure::of(config, &memory::TASK_OFF_HEAP)?;
    let metaspace = unless_set(&memory::METASPACE)?;
    let task_heap = Figure::if_set(config, &memory::TASK_HEAP)?;

    let mut sum = vec![
        Part { key: memory::FRAMEWORK_HEAP.key(), size: framework_heap.size },
        Part { key: memory::FRAMEWORK_OFF_HEAP.key(), size: framework_off_heap.size },
        Part { key: memory::TASK_OFF_HEAP.key(), size: task_off_heap.size },
        Part { key: "taskmanager.memory.managed", size: managed.size },
        Part { key: NETWORK.what, size: network.size },
        Part { key: memory::METASPACE.key(), size: metaspace.size },
        Part { key: OVERHEAD.what, size: overhead.size },
    ];
    sum.extend(task_heap.iter().map(|heap| Part { key: memory::TASK_HEAP.key(), size: heap.size }));
    let taken: MemorySize = sum.iter().map(|part| part.size).sum();
    if taken > available.size {
        let name = "the memory there is";
        let key = "the memory of machine or container";
        return Err(exceeds(sum, Whole { name, key, figure: &available }).into());
    }
    let task_heap = task_heap.unwrap_or_else(|| {
        let (size, how) = (available.size.saturating_sub(taken), &available.how);
        Figure::derived(size, format!("what is left of {} ({how})", available.size.human()))
    });
    Ok(Parts {
        framework_heap,
        task_heap,
        framework_off_heap,
        task_off_heap,
        managed,
        network,
        metaspace,
        overhead,
    })
}

/// `size`, or `bound` where that is less.
fn at_most(size: MemorySize, bound: MemorySize, how: &str, bound_name: &str) -> Figure {
    if bound < size {
        return Figure::derived(bound, format!("{how}, lowered to {bound_name}"));
    }
    Figure::derived(size, how)
}

/// The pool by slots, within the bounds that are set; with a set fraction, that share of what there
/// is.
fn network(
    config: &Configuration,
    available: MemorySize,
    slots: NonZeroU32,
) -> Result<Figure, ConfigError> {
    let share = Share::read(config, NETWORK)?;
    if config.contains(&memory::NETWORK_FRACTION) {
        return Ok(share.of_whole(available, "what there is"));
    }
    let by_slots = NETWORK_PER_SLOT * u64::from(slots.get());
    let wanted = by_slots.clamp(NETWORK_LEAST, NETWORK_MOST);
    let small = at_most(wanted, available / 8, "embedded default", "1/8 of what there is");
    if config.contains(&memory::NETWORK_MIN) && small.size < share.min.size {
        return Ok(share.min);
    }
    if small.size > share.max.size {
        return Ok(share.max);
    }
    Ok(small)
}

/// The fraction of what there is, without the lower bound, which small containers cannot afford,
/// unless that is set.
fn overhead(config: &Configuration, available: MemorySize) -> Result<Figure, ConfigError> {
    let share = Share::read(config, OVERHEAD)?;
    if config.contains(&memory::OVERHEAD_MIN) {
        return Ok(share.of_whole(available, "what there is"));
    }
    let fraction = config.get(&memory::OVERHEAD_FRACTION)?;
    let how =
        format!("{fraction} ({}) of what there is", place(config, &memory::OVERHEAD_FRACTION));
    Ok(at_most(available.scale(fraction.widened()), share.max.size, &how, OVERHEAD.max.key()))
}
