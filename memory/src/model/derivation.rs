//! How the eight parts of a TaskManager's memory follow from the keys that are set.
//!
//! The formulae are those of Flink 2.2, exact to the byte. One of these must be set, and the first
//! that applies decides:
//!
//! ```text
//! task.heap.size and managed.size   parts -> network -> flink size -> process size
//! flink.size                        flink size -> managed, network, task heap; -> process size
//! process.size                      process size -> overhead -> flink size -> as above
//! ```
//!
//! When more than one is set, what would be derived last takes what is left, within its bounds.

use super::error::{ModelError, Part};
use super::figure::{Figure, place};
use super::host::{Decided, HostMemory};
use super::process::{ProcessInputs, ProcessKeys, exceeds};
use super::share::{Share, ShareOptions, Whole};
use crate::config::options::memory;
use crate::config::{ConfigError, Configuration, Fraction, MemorySize};

const REMEDY: &str = "set taskmanager.memory.process.size (all memory of the process), or \
                      taskmanager.memory.flink.size, or both taskmanager.memory.task.heap.size and \
                      taskmanager.memory.managed.size";

const KEYS: ProcessKeys = ProcessKeys {
    process: memory::PROCESS_SIZE.key(),
    flink: memory::FLINK_SIZE.key(),
    metaspace: memory::METASPACE.key(),
    overhead: "taskmanager.memory.jvm-overhead",
};

pub(super) const NETWORK: ShareOptions = ShareOptions {
    what: "taskmanager.memory.network",
    fraction: memory::NETWORK_FRACTION,
    min: memory::NETWORK_MIN,
    max: memory::NETWORK_MAX,
};

pub(super) const OVERHEAD: ShareOptions = ShareOptions {
    what: "taskmanager.memory.jvm-overhead",
    fraction: memory::OVERHEAD_FRACTION,
    min: memory::OVERHEAD_MIN,
    max: memory::OVERHEAD_MAX,
};

/// The eight parts, each with where it came from.
pub(super) struct Parts {
    pub(super) framework_heap: Figure,
    pub(super) task_heap: Figure,
    pub(super) framework_off_heap: Figure,
    pub(super) task_off_heap: Figure,
    pub(super) managed: Figure,
    pub(super) network: Figure,
    pub(super) metaspace: Figure,
    pub(super) overhead: Figure,
}

/// Whether one of the keys is set from which a whole plan follows.
pub(super) fn has_deciding_key(config: &Configuration) -> bool {
    let both = config.contains(&memory::TASK_HEAP) && config.contains(&memory::MANAGED_SIZE);
    let whole = config.contains(&memory::FLINK_SIZE) || config.contains(&memory::PROCESS_SIZE);
    both || whole || config.contains(&memory::LEGACY_HEAP_SIZE)
}

/// What is set, before anything is derived.
pub(super) struct Inputs {
    pub(super) process: ProcessInputs,
    flink: Option<Figure>,
    framework_heap: Figure,
    framework_off_heap: Figure,
    task_heap: Option<Figure>,
    task_off_heap: Figure,
    managed: Option<Figure>,
    managed_fraction: Fraction,
    managed_fraction_from: String,
    network: Share,
}

impl Inputs {
    pub(super) fn read(config: &Configuration, host: &HostMemory) -> Result<Inputs, ConfigError> {
        let mut inputs = Inputs {
            process: ProcessInputs {
                keys: KEYS,
                process: Figure::if_set(config, &memory::PROCESS_SIZE)?,
                metaspace: Figure::of(config, &memory::METASPACE)?,
                overhead: Share::read(config, OVERHEAD)?,
            },
            flink: Figure::if_set(config, &memory::FLINK_SIZE)?,
            framework_heap: Figure::of(config, &memory::FRAMEWORK_HEAP)?,
            framework_off_heap: Figure::of(config, &memory::FRAMEWORK_OFF_HEAP)?,
            task_heap: Figure::if_set(config, &memory::TASK_HEAP)?,
            task_off_heap: Figure::of(config, &memory::TASK_OFF_HEAP)?,
            managed: Figure::if_set(config, &memory::MANAGED_SIZE)?,
            managed_fraction: config.get(&memory::MANAGED_FRACTION)?,
            managed_fraction_from: place(config, &memory::MANAGED_FRACTION),
            network: Share::read(config, NETWORK)?,
        };
        inputs.take_legacy_heap(config, host)?;
        Ok(inputs)
    }

    /// The 1.x key: all memory of a container, Flink's own memory elsewhere.
    fn take_legacy_heap(
        &mut self,
        config: &Configuration,
        host: &HostMemory,
    ) -> Result<(), ConfigError> {
        let Some(heap) = Figure::if_set(config, &memory::LEGACY_HEAP_SIZE)? else { return Ok(()) };
        let old = memory::LEGACY_HEAP_SIZE.key();
        let in_container = host.container.is_some();
        let new = if in_container { KEYS.process } else { KEYS.flink };
        let is_first = config.first_warning_about(old);
        if self.anything_decides() {
            if is_first {
                tracing::warn!(
                    "{old} ({}) is ignored because newer keys are set; remove it",
                    heap.how
                );
            }
            return Ok(());
        }
        if is_first {
            tracing::warn!(
                "{old} ({}) is deprecated and read as {new}; write {new} instead",
                heap.how
            );
        }
        let figure = Figure { size: heap.size, how: format!("{} as {old}", heap.how) };
        *(if in_container { &mut self.process.process } else { &mut self.flink }) = Some(figure);
        Ok(())
    }

    fn anything_decides(&self) -> bool {
        let both = self.task_heap.is_some() && self.managed.is_some();
        both || self.flink.is_some() || self.process.process.is_some()
    }

    /// What to lower when the process turns out too large.
    pub(super) fn decided(&self) -> Decided {
        if self.process.process.is_some() {
            Decided { key: KEYS.process, as_set: true }
        } else if self.flink.is_some() {
            Decided { key: KEYS.flink, as_set: false }
        } else {
            Decided { key: memory::MANAGED_SIZE.key(), as_set: false }
        }
    }

    pub(super) fn derive(self) -> Result<Parts, ModelError> {
        if let (Some(task_heap), Some(managed)) = (self.task_heap.clone(), self.managed.clone()) {
            return self.with_set_parts(task_heap, managed);
        }
        if let Some(flink) = self.flink.clone() {
            let overhead = self.process.around(&flink)?;
            let whole = Whole { name: KEYS.flink, key: KEYS.flink, figure: &flink };
            return self.inside(whole, overhead);
        }
        let Some(process) = self.process.process.clone() else {
            return Err(ModelError::NothingSet { remedy: REMEDY });
        };
        let (overhead, flink) = self.process.split(&process)?;
        let whole = Whole { name: "the flink size", key: KEYS.process, figure: &flink };
        self.inside(whole, overhead)
    }

    /// Task heap and managed memory are set: network memory follows, or takes what is left.
    fn with_set_parts(self, task_heap: Figure, managed: Figure) -> Result<Parts, ModelError> {
        let parts = self.without_network(Some(&task_heap), &managed);
        let rest: MemorySize = parts.iter().map(|part| part.size).sum();
        let (network, flink) = match &self.flink {
            Some(flink) => {
                let whole = Whole { name: KEYS.flink, key: KEYS.flink, figure: flink };
                (self.network_takes_the_rest(parts, whole)?, flink.clone())
            }
            None => {
                let network = self.network.of_rest(rest, "the other parts of the flink size");
                let flink = Figure::derived(rest + network.size, "sum of its parts");
                (network, flink)
            }
        };
        let overhead = self.process.around(&flink)?;
        Ok(self.complete(task_heap, managed, network, overhead))
    }

    /// The flink size is known: managed memory first, then either the task heap or, where that is
    /// set, network memory takes what is left.
    fn inside(self, whole: Whole<'_>, overhead: Figure) -> Result<Parts, ModelError> {
        let flink = whole.figure;
        let managed = self.managed.clone().unwrap_or_else(|| {
            let (fraction, from) = (self.managed_fraction, &self.managed_fraction_from);
            let size = flink.size.scale(fraction.widened());
            Figure::derived(size, format!("{fraction} ({from}) of the flink size"))
        });
        let mut parts = self.without_network(self.task_heap.as_ref(), &managed);
        if let Some(task_heap) = self.task_heap.clone() {
            let network = self.network_takes_the_rest(parts, whole)?;
            return Ok(self.complete(task_heap, managed, network, overhead));
        }
        let network = self.network.of_whole(flink.size, "the flink size");
        parts.push(Part { key: NETWORK.what, size: network.size });
        let sum: MemorySize = parts.iter().map(|part| part.size).sum();
        if sum > flink.size {
            return Err(exceeds(parts, whole));
        }
        let task_heap = Figure::rest_of(flink, sum, "the flink size");
        Ok(self.complete(task_heap, managed, network, overhead))
    }

    fn network_takes_the_rest(
        &self,
        parts: Vec<Part>,
        whole: Whole<'_>,
    ) -> Result<Figure, ModelError> {
        let sum: MemorySize = parts.iter().map(|part| part.size).sum();
        if sum > whole.figure.size {
            return Err(exceeds(parts, whole));
        }
        let network = Figure::rest_of(whole.figure, sum, "the flink size");
        self.network.check(network.size, whole)?;
        Ok(network)
    }

    fn without_network(&self, task_heap: Option<&Figure>, managed: &Figure) -> Vec<Part> {
        let mut parts = vec![
            Part { key: memory::FRAMEWORK_HEAP.key(), size: self.framework_heap.size },
            Part { key: memory::FRAMEWORK_OFF_HEAP.key(), size: self.framework_off_heap.size },
            Part { key: memory::TASK_OFF_HEAP.key(), size: self.task_off_heap.size },
            Part { key: "taskmanager.memory.managed", size: managed.size },
        ];
        if let Some(task_heap) = task_heap {
            parts.push(Part { key: memory::TASK_HEAP.key(), size: task_heap.size });
        }
        parts
    }

    fn complete(
        self,
        task_heap: Figure,
        managed: Figure,
        network: Figure,
        overhead: Figure,
    ) -> Parts {
        Parts {
            framework_heap: self.framework_heap,
            task_heap,
            framework_off_heap: self.framework_off_heap,
            task_off_heap: self.task_off_heap,
            managed,
            network,
            metaspace: self.process.metaspace,
            overhead,
        }
    }
}
