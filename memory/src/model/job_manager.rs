//! The memory of a JobManager: heap, off-heap, metaspace, overhead.
//!
//! ```text
//! heap.size      heap + off-heap -> flink size -> process size
//! flink.size     flink size - off-heap -> heap; -> process size
//! process.size   process size -> overhead -> flink size -> as above
//! ```

use super::error::{ModelError, Part, Parts};
use super::figure::{Figure, Row, render_table};
use super::host::{Decided, HostMemory};
use super::process::{ProcessInputs, ProcessKeys, exceeds};
use super::share::{Share, ShareOptions, Whole};
use crate::config::options::jobmanager;
use crate::config::{ConfigError, Configuration, MemorySize};

const REMEDY: &str = "set jobmanager.memory.process.size (all memory of the process), or \
                      jobmanager.memory.flink.size, or jobmanager.memory.heap.size";

const KEYS: ProcessKeys = ProcessKeys {
    process: jobmanager::PROCESS_SIZE.key(),
    flink: jobmanager::FLINK_SIZE.key(),
    metaspace: jobmanager::METASPACE.key(),
    overhead: "jobmanager.memory.jvm-overhead",
};

const OVERHEAD: ShareOptions = ShareOptions {
    what: "jobmanager.memory.jvm-overhead",
    fraction: jobmanager::OVERHEAD_FRACTION,
    min: jobmanager::OVERHEAD_MIN,
    max: jobmanager::OVERHEAD_MAX,
};

/// Flink's recommended minimum; below it, we warn as it does.
const HEAP_RECOMMENDED_MIN: MemorySize = MemorySize::from_mib(128);

/// A plan for the memory of a JobManager. Invariant: the four parts sum to
/// [`process`](Self::process).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobManagerMemory {
    /// Ordinary heap.
    pub heap: MemorySize,
    /// Further heap: connections and messages.
    pub off_heap: MemorySize,
    /// Program code and static data.
    pub metaspace: MemorySize,
    /// Thread stacks, the allocator's own needs.
    pub overhead: MemorySize,
    rows: Vec<Row>,
}

impl JobManagerMemory {
    /// The plan that follows from the configuration, refused where it is larger than the container.
    ///
    /// # Errors
    /// As [`TaskManagerMemory::from_configuration`](super::TaskManagerMemory::from_configuration).
    pub fn from_configuration(
        config: &Configuration,
        host: &HostMemory,
    ) -> Result<JobManagerMemory, ConfigError> {
        let process = ProcessInputs {
            keys: KEYS,
            process: Figure::if_set(config, &jobmanager::PROCESS_SIZE)?,
            metaspace: Figure::of(config, &jobmanager::METASPACE)?,
            overhead: Share::read(config, OVERHEAD)?,
        };
        let flink = Figure::if_set(config, &jobmanager::FLINK_SIZE)?;
        let heap = Figure::if_set(config, &jobmanager::HEAP_SIZE)?;
        let off_heap = OffHeap {
            figure: Figure::of(config, &jobmanager::OFF_HEAP_SIZE)?,
            is_set: config.contains(&jobmanager::OFF_HEAP_SIZE),
        };
        let decided = match (&process.process, &flink) {
            (Some(_), _) => Decided { key: KEYS.process, as_set: true },
            (None, Some(_)) => Decided { key: KEYS.flink, as_set: false },
            (None, None) => Decided { key: jobmanager::HEAP_SIZE.key(), as_set: false },
        };
        let memory = derive(process, flink, heap, off_heap)?;
        memory.verify_invariants();
        if memory.heap < HEAP_RECOMMENDED_MIN && config.first_warning_about("JobManager heap") {
            tracing::warn!(
                "the JobManager's heap is {}, less than the recommended {HEAP_RECOMMENDED_MIN}: \
                 raise {}",
                memory.heap,
                decided.key
            );
        }
        host.check(memory.process(), decided)?;
        Ok(memory)
    }

    fn new(
        heap: Figure,
        off_heap: Figure,
        metaspace: Figure,
        overhead: Figure,
    ) -> JobManagerMemory {
        let mut memory = JobManagerMemory {
            heap: heap.size,
            off_heap: off_heap.size,
            metaspace: metaspace.size,
            overhead: overhead.size,
            rows: Vec::new(),
        };
        let process =
            Figure::derived(memory.process(), "sum of flink size, metaspace and overhead");
        let flink = Figure::derived(memory.flink(), "sum of heap and off-heap");
        memory.rows = vec![
            Row::new(0, "process size", process),
            Row::new(1, "flink size", flink),
            Row::new(2, "heap", heap),
            Row::new(2, "off-heap", off_heap),
            Row::new(1, "metaspace", metaspace),
            Row::new(1, "overhead", overhead),
        ];
        memory
    }

    /// The process without metaspace and overhead.
    pub fn flink(&self) -> MemorySize {
        self.heap + self.off_heap
    }

    /// The whole process.
    pub fn process(&self) -> MemorySize {
        self.flink() + self.metaspace + self.overhead
    }

    /// The derivation as a table: each size with the place that set it or the rule that gave it.
    pub fn explain(&self) -> String {
        render_table("JobManager memory", &self.rows)
    }

    /// Panics when the report does not add up, which is a bug here and not in a configuration.
    pub fn verify_invariants(&self) {
        let parts: MemorySize = self.rows.iter().skip(2).map(|row| row.figure.size).sum();
        assert_eq!(parts, self.process(), "the four parts sum to the process size");
    }
}

/// The only part with a default, which gives way where a set one does not.
struct OffHeap {
    figure: Figure,
    is_set: bool,
}

fn derive(
    process: ProcessInputs,
    flink: Option<Figure>,
    heap: Option<Figure>,
    off_heap: OffHeap,
) -> Result<JobManagerMemory, ModelError> {
    if let Some(heap) = heap {
        let (flink, off_heap) = match flink {
            Some(flink) => {
                let off_heap = off_heap_beside(&heap, &flink, &off_heap)?;
                (flink, off_heap)
            }
            None => {
                let flink = heap.size + off_heap.figure.size;
                (Figure::derived(flink, "sum of its parts"), off_heap.figure)
            }
        };
        let overhead = process.around(&flink)?;
        return Ok(JobManagerMemory::new(heap, off_heap, process.metaspace, overhead));
    }
    let (flink, overhead, name, key) = match (flink, process.process.clone()) {
        (Some(flink), _) => {
            let overhead = process.around(&flink)?;
            (flink, overhead, KEYS.flink, KEYS.flink)
        }
        (None, Some(whole)) => {
            let (overhead, flink) = process.split(&whole)?;
            (flink, overhead, "the flink size", KEYS.process)
        }
        (None, None) => return Err(ModelError::NothingSet { remedy: REMEDY }),
    };
    let off_heap = off_heap.figure;
    if off_heap.size > flink.size {
        let parts = vec![Part { key: jobmanager::OFF_HEAP_SIZE.key(), size: off_heap.size }];
        return Err(exceeds(parts, Whole { name, key, figure: &flink }));
    }
    let heap = Figure::rest_of(&flink, off_heap.size, "the flink size");
    Ok(JobManagerMemory::new(heap, off_heap, process.metaspace, overhead))
}

/// With heap and flink size both set, the off-heap size is what is left.
fn off_heap_beside(
    heap: &Figure,
    flink: &Figure,
    off_heap: &OffHeap,
) -> Result<Figure, ModelError> {
    if heap.size > flink.size {
        let parts = vec![Part { key: jobmanager::HEAP_SIZE.key(), size: heap.size }];
        return Err(exceeds(parts, Whole { name: KEYS.flink, key: KEYS.flink, figure: flink }));
    }
    let rest = Figure::rest_of(flink, heap.size, "the flink size");
    if off_heap.is_set && off_heap.figure.size != rest.size {
        let off_heap = Part { key: jobmanager::OFF_HEAP_SIZE.key(), size: off_heap.figure.size };
        let heap = Part { key: jobmanager::HEAP_SIZE.key(), size: heap.size };
        let parts = Parts(vec![heap, off_heap]);
        return Err(ModelError::Disagree { parts, whole: KEYS.flink, total: flink.size });
    }
    Ok(rest)
}
