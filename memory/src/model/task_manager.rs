//! The plan for a TaskManager's memory, what follows from it, and how it is shown.

use std::num::NonZeroU32;

use super::derivation::{Inputs, Parts};
use super::figure::{Figure, Row, place, render_table};
use super::host::HostMemory;
use crate::config::options::{core, memory};
use crate::config::{ConfigError, Configuration, MemorySize};

/// A plan for the memory of one TaskManager process. Invariant: the eight parts sum to
/// [`process`](Self::process).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskManagerMemory {
    /// Ordinary heap of the runtime.
    pub framework_heap: MemorySize,
    /// Ordinary heap of user code.
    pub task_heap: MemorySize,
    /// Further heap of the runtime.
    pub framework_off_heap: MemorySize,
    /// Further heap of user code.
    pub task_off_heap: MemorySize,
    /// Segments for sorting, hashing, caching and state.
    pub managed: MemorySize,
    /// Segments for the exchange between tasks.
    pub network: MemorySize,
    /// Program code and static data.
    pub metaspace: MemorySize,
    /// Thread stacks, the allocator's own needs, libraries that do not tell.
    pub overhead: MemorySize,
    /// Slots that share the plan.
    pub slots: NonZeroU32,
    segment_size: MemorySize,
    rows: Vec<Row>,
}

/// How the plan is spent in a process that has no JVM. Sums to the process size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    /// Ordinary heap of runtime and user code, on and off a JVM's heap alike: limited by the
    /// counting allocator.
    pub unmanaged: MemorySize,
    /// Segments for sorting, hashing, caching and state.
    pub managed: MemorySize,
    /// Segments for the exchange between tasks.
    pub network: MemorySize,
    /// Code, stacks, the allocator's own needs, untracked memory of libraries: metaspace and
    /// overhead.
    pub reserve: MemorySize,
}

impl Regions {
    /// The process size.
    pub fn total(&self) -> MemorySize {
        self.unmanaged + self.managed + self.network + self.reserve
    }
}

/// What one slot gets: each pool divided by the slots, cut to whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotShare {
    /// Heap of user code.
    pub task_heap: MemorySize,
    /// Further heap of user code.
    pub task_off_heap: MemorySize,
    /// Managed memory.
    pub managed: MemorySize,
    /// Network memory.
    pub network: MemorySize,
}

impl TaskManagerMemory {
    /// The plan that follows from the configuration, refused where it is larger than the container.
    ///
    /// # Errors
    /// [`ConfigError::Model`] when no size is set, the parts exceed their whole or leave their
    /// bounds, or the container is too small; other errors when a value is refused.
    pub fn from_configuration(
        config: &Configuration,
        host: &HostMemory,
    ) -> Result<TaskManagerMemory, ConfigError> {
        let inputs = Inputs::read(config, host)?;
        let decided = inputs.decided();
        let parts = inputs.derive()?;
        let memory = TaskManagerMemory::new(config, read_slots(config)?, parts)?;
        host.check(memory.process(), decided)?;
        Ok(memory)
    }

    pub(super) fn new(
        config: &Configuration,
        slots: NonZeroU32,
        parts: Parts,
    ) -> Result<TaskManagerMemory, ConfigError> {
        let mut memory = TaskManagerMemory {
            framework_heap: parts.framework_heap.size,
            task_heap: parts.task_heap.size,
            framework_off_heap: parts.framework_off_heap.size,
            task_off_heap: parts.task_off_heap.size,
            managed: parts.managed.size,
            network: parts.network.size,
            metaspace: parts.metaspace.size,
            overhead: parts.overhead.size,
            segment_size: config.get(&memory::SEGMENT_SIZE)?,
            slots,
            rows: Vec::new(),
        };
        memory.rows = memory.report(parts, place(config, &memory::SEGMENT_SIZE));
        memory.verify_invariants();
        Ok(memory)
    }

    /// The same plan shared by another number of slots.
    pub(super) fn with_slots(mut self, slots: NonZeroU32) -> TaskManagerMemory {
        self.slots = slots;
        self
    }

    /// Panics when the parts do not add up, which is a bug here and not in a configuration.
    pub fn verify_invariants(&self) {
        let flink = self.heap_limit() + self.direct_limit() + self.managed;
        assert_eq!(self.flink(), flink, "heap, direct and managed memory sum to the flink size");
        assert_eq!(self.regions().total(), self.process(), "the regions sum to the process size");
        assert!(self.segment_size.bytes().is_power_of_two(), "the option's rule holds");
        assert!(self.network_segments() * self.segment_size.bytes() <= self.network.bytes());
    }

    /// Framework and task heap: what a JVM would get as its heap.
    pub fn heap_limit(&self) -> MemorySize {
        self.framework_heap + self.task_heap
    }

    /// Off-heap and network memory: what a JVM would get as direct memory.
    pub fn direct_limit(&self) -> MemorySize {
        self.framework_off_heap + self.task_off_heap + self.network
    }

    /// The process without metaspace and overhead.
    pub fn flink(&self) -> MemorySize {
        let heap = self.framework_heap + self.task_heap;
        let off_heap = self.framework_off_heap + self.task_off_heap;
        heap + off_heap + self.managed + self.network
    }

    /// The whole process.
    pub fn process(&self) -> MemorySize {
        self.flink() + self.metaspace + self.overhead
    }

    /// The size of a segment: a power of two from 4 KiB to 1 MiB.
    pub fn segment_size(&self) -> MemorySize {
        self.segment_size
    }

    /// Whole segments of network memory.
    pub fn network_segments(&self) -> u64 {
        self.network.bytes() / self.segment_size.bytes()
    }

    /// Whole segments of managed memory.
    pub fn managed_segments(&self) -> u64 {
        self.managed.bytes() / self.segment_size.bytes()
    }

    /// The plan as our own process spends it.
    pub fn regions(&self) -> Regions {
        Regions {
            unmanaged: self.heap_limit() + self.framework_off_heap + self.task_off_heap,
            managed: self.managed,
            network: self.network,
            reserve: self.metaspace + self.overhead,
        }
    }

    /// What one slot gets.
    pub fn slot_share(&self) -> SlotShare {
        let slots = u64::from(self.slots.get());
        SlotShare {
            task_heap: self.task_heap / slots,
            task_off_heap: self.task_off_heap / slots,
            managed: self.managed / slots,
            network: self.network / slots,
        }
    }

    /// The derivation as a table: each size with the place that set it or the rule that gave it.
    pub fn explain(&self) -> String {
        let share = self.slot_share();
        format!(
            "{}\n{} network segments and {} managed segments of {}; {} slot(s), each with {} task \
             heap, {} managed and {} network memory\n",
            render_table("TaskManager memory", &self.rows),
            self.network_segments(),
            self.managed_segments(),
            self.segment_size,
            self.slots,
            share.task_heap.human(),
            share.managed.human(),
            share.network.human()
        )
    }

    fn report(&self, parts: Parts, segment_size_from: String) -> Vec<Row> {
        let regions = self.regions();
        let sum = |size, how: &str| Figure::derived(size, how);
        vec![
            Row::new(0, "process size", sum(self.process(), "sum of flink size and reserve")),
            Row::new(1, "flink size", sum(self.flink(), "sum of the six below")),
            Row::new(2, "framework heap", parts.framework_heap),
            Row::new(2, "framework off-heap", parts.framework_off_heap),
            Row::new(2, "task heap", parts.task_heap),
            Row::new(2, "task off-heap", parts.task_off_heap),
            Row::new(2, "managed", parts.managed),
            Row::new(2, "network", parts.network),
            Row::new(1, "metaspace", parts.metaspace),
            Row::new(1, "overhead", parts.overhead),
            Row::new(0, "as regions", sum(regions.total(), "the same, as this process spends it")),
            Row::new(
                1,
                "unmanaged",
                sum(regions.unmanaged, "framework and task heap and off-heap"),
            ),
            Row::new(1, "managed", sum(regions.managed, "managed")),
            Row::new(1, "network", sum(regions.network, "network")),
            Row::new(1, "reserve", sum(regions.reserve, "metaspace and overhead")),
            Row::new(0, "segment size", sum(self.segment_size, &segment_size_from)),
        ]
    }
}

pub(super) fn read_slots(config: &Configuration) -> Result<NonZeroU32, ConfigError> {
    let slots = config.get(&core::TASK_SLOTS)?;
    Ok(NonZeroU32::new(slots).expect("the rule of the option refuses 0"))
}
