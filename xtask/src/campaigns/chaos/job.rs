//! The jobs that are killed.

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// The example `exactly_once_files`: words of files, counted.
    Words,
    /// The example `everything_once` of the connectors: union, side output, broadcast, keyed state,
    /// windows, timers, and an operator that fails.
    Everything,
}

/// What keeps its keyed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    RocksDb,
}

impl Backend {
    /// What cargo is to build beside the program.
    pub(super) fn features(self) -> &'static [&'static str] {
        match self {
            Backend::Memory => &[],
            Backend::RocksDb => &["--features", "rocksdb"],
        }
    }

    /// What a job is called with.
    pub(super) fn settings(self) -> &'static [&'static str] {
        match self {
            Backend::Memory => &[],
            Backend::RocksDb => &["-Dstate.backend.type=rocksdb"],
        }
    }
}

impl Job {
    pub(super) const ALL: [Job; 2] = [Job::Everything, Job::Words];

    /// The name of its program.
    pub(super) fn program(self, backend: Backend) -> &'static str {
        match (self, backend) {
            (Job::Words, _) => "exactly_once_files",
            (Job::Everything, Backend::Memory) => "everything_once",
            (Job::Everything, Backend::RocksDb) => "everything_once_rocksdb",
        }
    }

    /// The crate that has it.
    pub(super) fn package(self, backend: Backend) -> &'static str {
        match (self, backend) {
            (Job::Words, _) | (_, Backend::RocksDb) => "brisk",
            (Job::Everything, Backend::Memory) => "brisk-connect",
        }
    }

    /// The parallelisms that its runs may have, one after the other. Times in [`Job::Everything`]
    /// depend on it.
    pub(super) fn parallelisms(self) -> &'static [u32] {
        match self {
            Job::Words => &[2, 1, 3, 7],
            Job::Everything => &[2],
        }
    }
}

/// The ways of checkpoints that rounds take in turn.
pub(super) const SETTINGS: [&[&str]; 4] = [
    &[],
    &["-Dexecution.checkpointing.incremental=true"],
    &["-Dexecution.checkpointing.unaligned.enabled=true"],
    &[
        "-Dexecution.checkpointing.unaligned.enabled=true",
        "-Dexecution.checkpointing.aligned-checkpoint-timeout=1 ms",
    ],
];
