//! Processes that want the cores for themselves.

use crate::failure::Failure;
use std::process::{Child, Command, Stdio};

/// Processes that spin; they end when this is dropped.
pub(super) struct Spinners(Vec<Child>);

impl Spinners {
    /// Two for each core, so that a worker gets a third of one.
    pub(super) fn start() -> Result<Self, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut spinners = Spinners(Vec::new());
        for _ in 0..2 * cores {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().map_err(|error| Failure::Environment(error.to_string()))?;
            spinners.0.push(child);
        }
        Ok(spinners)
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that is gone already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
