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

impl Job {
    pub(super) const ALL: [Job; 2] = [Job::Everything, Job::Words];

    /// The name of its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Job::Words => "exactly_once_files",
            Job::Everything => "everything_once",
        }
    }

    /// The crate that has it.
    pub(super) fn package(self) -> &'static str {
        match self {
            Job::Words => "brisk",
            Job::Everything => "brisk-connect",
        }
    }
}

/// The ways of checkpoints that rounds take in turn.
pub(super) const SETTINGS: [&[&str]; 3] = [
    &[],
    &["-Dexecution.checkpointing.unaligned.enabled=true"],
    &[
        "-Dexecution.checkpointing.unaligned.enabled=true",
        "-Dexecution.checkpointing.aligned-checkpoint-timeout=1 ms",
    ],
];
