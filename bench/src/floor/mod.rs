//! The least that things cost on this machine: what a framework's figures are held against.
//!
//! Two kinds: the machine's own limits (memory, disk, loopback, two cores' caches), measured in
//! every round; and each workload without a framework, by two plain threads.
//!
//! Threads: those of a floor are named, started here and joined here; a panic in one is the run's.

pub mod chain;
pub mod exchange;
pub mod words;

mod copy;
mod disk;
mod handover;
mod loopback;

use crate::BenchError;
use crate::run::measurement::Outcome;
use crate::workload::{PARALLELISM, Scale};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread::{self, ScopedJoinHandle};

/// Names of metrics and their values.
pub type Values = BTreeMap<String, f64>;

/// Measures the machine's own limits; `folder` is on the disk that counts.
pub fn machine(folder: &Path, scale: Scale) -> Result<Values, BenchError> {
    let mut values = Values::new();
    let mut add = |name: &str, value: f64| {
        values.insert(name.to_owned(), value);
    };
    add("copy_bytes_per_second_one_core", copy::bytes_per_second(1, scale));
    add("copy_bytes_per_second_two_cores", copy::bytes_per_second(2, scale));
    add("handover_seconds_there_and_back", handover::seconds(scale));
    add("loopback_bytes_per_second_one_stream", loopback::bytes_per_second(1, scale)?);
    add("loopback_bytes_per_second_two_streams", loopback::bytes_per_second(2, scale)?);
    let disk = disk::measure(folder, scale)?;
    add("disk_write_bytes_per_second", disk.write_bytes_per_second);
    add("disk_read_bytes_per_second", disk.read_bytes_per_second);
    Ok(values)
}

/// Runs `subtask` on as many threads as a workload has subtasks and adds up what they say.
fn on_subtasks(
    subtask: impl Fn(u64) -> Result<Outcome, BenchError> + Sync,
) -> Result<Outcome, BenchError> {
    let subtask = &subtask;
    thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, Result<Outcome, BenchError>>> = (0..PARALLELISM)
            .map(|index| {
                thread::Builder::new()
                    .name(format!("floor-{index}"))
                    .spawn_scoped(scope, move || subtask(index))
                    .map_err(BenchError::system("start a thread"))
            })
            .collect::<Result<_, _>>()?;
        let mut total = Outcome::NOTHING;
        for thread in threads {
            total.add(thread.join().expect("a thread of a floor panicked")?);
        }
        Ok(total)
    })
}

#[cfg(test)]
mod tests;
