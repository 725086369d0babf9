//! What a driver is made from.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{DriverError, SimulatedWorld};
use crate::Arena;

/// The spin that pays when every worker has a core: about what one more hand-over takes.
const SPIN_ALONE: Duration = Duration::from_micros(4);

/// Which backend a driver uses (`taskmanager.io.driver`).
#[derive(Clone, Debug, Default)]
pub enum DriverKind {
    /// io_uring, or epoll where the system refuses io_uring.
    #[default]
    Auto,
    /// io_uring; an error where the system refuses it.
    Uring,
    /// epoll and a few threads for files.
    Epoll,
    /// A simulation: this machine of that world.
    Simulated(SimulatedWorld),
}

impl FromStr for DriverKind {
    type Err = DriverError;

    fn from_str(text: &str) -> Result<DriverKind, DriverError> {
        match text {
            "auto" => Ok(DriverKind::Auto),
            "uring" => Ok(DriverKind::Uring),
            "epoll" => Ok(DriverKind::Epoll),
            _ => Err(DriverError::UnknownKind { given: text.to_owned() }),
        }
    }
}

/// How to make a driver.
#[derive(Clone)]
pub struct DriverOptions {
    /// The backend.
    pub kind: DriverKind,
    /// How long `park` looks for completions and rings before it blocks. See [`default_spin`].
    pub spin: Duration,
    /// Operations that io_uring works on at a time, 1 to 4096; more wait in line inside the driver.
    /// The epoll backend works on as many as it has threads.
    pub depth: u32,
    /// Threads that do file operations for the epoll backend, at least 1. They are started by the
    /// first such operation.
    pub file_threads: u32,
    /// The memory that segments of operations come from, to be registered with io_uring part by
    /// part as it is used. None registers nothing; any segment may be used all the same.
    pub arena: Option<Arena>,
}

impl fmt::Debug for DriverOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverOptions")
            .field("kind", &self.kind)
            .field("spin", &self.spin)
            .field("depth", &self.depth)
            .field("file_threads", &self.file_threads)
            .field("arena", &self.arena.is_some())
            .finish()
    }
}

impl Default for DriverOptions {
    fn default() -> DriverOptions {
        DriverOptions {
            kind: DriverKind::Auto,
            spin: SPIN_ALONE,
            depth: 128,
            file_threads: 2,
            arena: None,
        }
    }
}

/// The spin for `workers` threads on `cores` cores: short, and none at all when there are more
/// threads than cores, since a spinning thread then keeps the one it waits for from running.
pub fn default_spin(workers: usize, cores: usize) -> Duration {
    if workers > cores { Duration::ZERO } else { SPIN_ALONE }
}
