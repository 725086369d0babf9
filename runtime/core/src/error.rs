//! What can go wrong, and whom it concerns.

use std::{fmt, io, net::SocketAddr};

pub use brisk_memory::Severity;

use brisk_memory::config::MemorySize;

use crate::graph::GraphError;

/// Any error of a user's function.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What this crate's functions fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program described a graph that can't be.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] brisk_memory::config::ConfigError),
    /// Memory could not be had.
    #[error(transparent)]
    Memory(#[from] brisk_memory::MemoryError),
    /// A state backend that the program does not have.
    #[error(
        "state.backend.type is {name}, but the program was built without that backend: build it with \
         the feature '{name}' of the crate brisk, or set state.backend.type to hashmap"
    )]
    NoStateBackend {
        /// Its name.
        name: String,
    },
    /// A state backend that can't be had.
    #[error("the state backend {name} can't be had: {cause}")]
    StateBackend {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// A thread or the I/O driver could not be had.
    #[error(
        "cannot start {what}: {cause}; lower taskmanager.workers, or raise the limits on threads \
         and open files (`ulimit -u`, `ulimit -n`)"
    )]
    Start {
        /// What was to be started.
        what: String,
        /// Why it could not.
        cause: String,
    },
    /// More segments are asked for than the machine or container has memory for.
    #[error(
        "network memory of {} and managed memory of {} exceed the {} that there are; lower \
         taskmanager.memory.network.max and taskmanager.memory.managed.size, or the size of the \
         process that they are a share of",
        network.human(),
        managed.human(),
        available.human()
    )]
    AboveMachine {
        /// Network memory asked for.
        network: MemorySize,
        /// Managed memory asked for.
        managed: MemorySize,
        /// The memory of the machine or container.
        available: MemorySize,
    },
    /// The network memory is too small for a job.
    #[error(
        "job '{job}' needs at least {needed} network segments but {available} of {total} are free \
         ({arithmetic}); raise taskmanager.memory.network.min and .max from {} to at least {}, or \
         lower the parallelism",
        MemorySize::from_bytes(*total * *segment_bytes as u64),
        MemorySize::from_bytes((*total + needed.saturating_sub(*available)) * *segment_bytes as u64)
    )]
    InsufficientNetworkMemory {
        /// The job's name.
        job: String,
        /// The sum of what its tasks need.
        needed: u64,
        /// Segments no other job is sure of.
        available: u64,
        /// Segments there are.
        total: u64,
        /// Bytes of one.
        segment_bytes: usize,
        /// How `needed` came about.
        arithmetic: String,
    },
    /// An operator failed, and with it its job.
    #[error(
        "job '{job}' failed: operator '{operator}', subtask {subtask} of {parallelism}: {cause}"
    )]
    Task {
        /// The job's name.
        job: String,
        /// The operator's name.
        operator: String,
        /// Which of the parallel instances, from 1 as Flink shows it.
        subtask: u32,
        /// How many there are.
        parallelism: u32,
        /// What happened.
        #[source]
        cause: TaskError,
    },
    /// The job was canceled before it ended.
    #[error("job '{job}' was canceled")]
    Canceled {
        /// The job's name.
        job: String,
    },
    /// What the configuration says of checkpoints does not go together.
    #[error(transparent)]
    CheckpointConfig(#[from] crate::checkpoint::CheckpointConfigError),
    /// What the configuration says of restarts does not go together.
    #[error(transparent)]
    RestartConfig(#[from] crate::checkpoint::restart::RestartConfigError),
    /// A job can't begin with the checkpoint or savepoint it was given.
    #[error("job '{job}' can't start from '{path}': {cause}")]
    Recovery {
        /// The job's name.
        job: String,
        /// What was given.
        path: String,
        /// What is wrong with it.
        #[source]
        cause: BoxError,
    },
    /// A checkpoint or savepoint that was asked for did not come about.
    #[error("job '{job}': {reason}")]
    CheckpointFailed {
        /// The job's name.
        job: String,
        /// Why.
        #[source]
        reason: crate::checkpoint::coordinator::FailureReason,
    },
    /// A process that ran a part of the job is gone.
    #[error(
        "job '{job}' failed: process {process} at {address} is gone: {cause}; look into its log, and \
         start all processes again"
    )]
    ProcessLost {
        /// The job's name.
        job: String,
        /// Which process.
        process: u32,
        /// Where it listened.
        address: SocketAddr,
        /// How one knows.
        cause: String,
    },
    /// What happened in another process.
    #[error("{cause} (in process {process} at {address})")]
    Elsewhere {
        /// Which process.
        process: u32,
        /// Where it listens.
        address: SocketAddr,
        /// What it costs.
        severity: Severity,
        /// The error, in words.
        cause: String,
    },
    /// The processes that are to run jobs together don't find each other.
    #[error("{what}: {cause}")]
    Processes {
        /// What was attempted.
        what: String,
        /// What came of it, and what to do.
        cause: String,
    },
    /// A job failed for a reason that is no task's.
    #[error("job '{job}' failed: {cause}")]
    Job {
        /// The job's name.
        job: String,
        /// Why.
        cause: String,
    },
    /// A job failed, and its restart strategy does not restart it once more.
    #[error(
        "{cause}; after {restarts} restarts of job '{job}', recovery is suppressed by {reason}"
    )]
    RestartsUsedUp {
        /// The job's name.
        job: String,
        /// How often it was restarted.
        restarts: u32,
        /// The strategy, with its numbers.
        reason: String,
        /// The last failure.
        #[source]
        cause: Box<Error>,
    },
    /// An accumulator was asked for or merged under a wrong type.
    #[error(transparent)]
    Accumulator(#[from] crate::task::accumulator::AccumulatorError),
    /// Something else about the program or its arguments.
    #[error("{0}")]
    Program(String),
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A user's function returned an error.
    #[error("{0}")]
    Function(#[source] BoxError),
    /// A user's function panicked.
    #[error("panicked: {0}")]
    Panic(String),
    /// A record is larger than the memory it would have to pass through.
    #[error(
        "a record of {} is larger than the network memory of {limit} bytes it has to pass; \
         raise taskmanager.memory.network.max (and .min), or make records smaller",
        ByteCount(*size)
    )]
    RecordTooLarge {
        /// Bytes of the record; `usize::MAX` when it is above what a frame can count.
        size: usize,
        /// Bytes it may have.
        limit: usize,
    },
    /// A custom partitioner chose a consumer that does not exist.
    #[error("the partitioner chose consumer {chosen}, but there are {consumers} (0 to {})", consumers - 1)]
    PartitionOutOfRange {
        /// What it chose.
        chosen: u32,
        /// How many there are.
        consumers: u32,
    },
    /// A side output was written with another type than it is read with.
    #[error("side output '{tag}' carries {expected}, but was given {found}")]
    SideOutputType {
        /// The tag's name.
        tag: String,
        /// The type its readers expect.
        expected: String,
        /// The type that was written.
        found: &'static str,
    },
    /// A file or another resource outside failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was attempted, with its path or address.
        what: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// Memory could not be had.
    #[error(transparent)]
    Memory(#[from] brisk_memory::MemoryError),
    /// State could not be kept.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
    /// A file of a checkpoint could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::storage::StorageError),
    /// State is not of the type that the program has now.
    #[error(transparent)]
    Restore(#[from] crate::checkpoint::restore::RestoreError),
    /// State is not what was written.
    #[error("state '{state}' is damaged: {cause}; restore from another checkpoint or savepoint")]
    DamagedState {
        /// Its name.
        state: String,
        /// What is wrong with it.
        #[source]
        cause: crate::record::InvalidRecord,
    },
    /// State is nothing that its operator could have written.
    #[error("state '{state}' is damaged: {what}; restore from another checkpoint or savepoint")]
    UnfitState {
        /// Its name.
        state: String,
        /// What is wrong with it.
        what: String,
    },
    /// Keyed state is not what was written.
    #[error("{cause}; restore from another checkpoint or savepoint")]
    DamagedKeyedState {
        /// What is wrong, and where.
        #[source]
        cause: crate::checkpoint::savepoint::CanonicalError,
    },
    /// The exchange with a task in another process.
    #[error(transparent)]
    Network(#[from] brisk_network::remote::RemoteError),
    /// In-flight buffers are not what was written.
    #[error("records in flight are damaged: {0}; restore from another checkpoint or savepoint")]
    DamagedInFlight(#[from] brisk_network::frame::FrameError),
}

impl Error {
    /// What this failure should cost. One with [`Severity::Retry`] or
    /// [`Severity::FailTask`] may be met by running the same again; one with
    /// [`Severity::FailJob`] comes again each time.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Memory(error) => error.severity(),
            Self::Task { cause, .. } => cause.severity(),
            // What other jobs have may be free later.
            Self::InsufficientNetworkMemory { needed, total, .. } if needed <= total => {
                Severity::Retry
            }
            Self::Start { .. } | Self::CheckpointFailed { .. } => Severity::Retry,
            Self::Job { .. } => Severity::FailTask,
            Self::Elsewhere { severity, .. } => *severity,
            // Nobody starts the process again.
            Self::ProcessLost { .. } | Self::Processes { .. } => Severity::FailJob,
            // Reading it again may help, but whoever named it is there to hear of it.
            Self::Recovery { .. } | Self::CheckpointConfig(_) | Self::RestartConfig(_) => {
                Severity::FailJob
            }
            Self::RestartsUsedUp { .. } => Severity::FailJob,
            Self::InsufficientNetworkMemory { .. }
            | Self::AboveMachine { .. }
            | Self::Graph(_)
            | Self::Config(_)
            | Self::Canceled { .. }
            | Self::Accumulator(_)
            | Self::NoStateBackend { .. }
            | Self::StateBackend { .. }
            | Self::Program(_) => Severity::FailJob,
        }
    }
}

impl TaskError {
    /// What this failure should cost; see [`Error::severity`].
    pub fn severity(&self) -> Severity {
        match self {
            // The program's own code knows what it failed of; from here it looks like
            // something that may not come again.
            Self::Function(_) | Self::Panic(_) => Severity::FailTask,
            // The same record comes again.
            Self::RecordTooLarge { .. }
            | Self::PartitionOutOfRange { .. }
            | Self::SideOutputType { .. }
            | Self::Restore(_)
            | Self::DamagedInFlight(_)
            | Self::DamagedState { .. }
            | Self::UnfitState { .. }
            | Self::DamagedKeyedState { .. } => Severity::FailJob,
            // The state comes again as large as it was.
            Self::State(_) => Severity::FailJob,
            Self::Io { cause, .. } => io_severity(cause.kind()),
            Self::Memory(error) => error.severity(),
            // A disk may come back.
            Self::Checkpoint(_) => Severity::FailTask,
            Self::Network(error) => error.severity(),
        }
    }
}

fn io_severity(kind: io::ErrorKind) -> Severity {
    match kind {
        io::ErrorKind::Interrupted
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::TimedOut
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Severity::Retry,
        _ => Severity::FailTask,
    }
}

struct ByteCount(usize);

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            usize::MAX => f.write_str("over 1073741823 bytes"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests;
