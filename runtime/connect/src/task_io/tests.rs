//! A driver that plays the task.

use brisk_memory::driver::{Driver, DriverKind, DriverOptions};

use super::*;

/// A driver and what has ended on it.
pub(crate) struct DriverIo {
    driver: Driver,
    ended: Vec<Completion>,
}

impl DriverIo {
    pub(crate) fn new(kind: DriverKind) -> DriverIo {
        let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
        DriverIo { driver, ended: Vec::new() }
    }

    /// Waits until something has ended.
    pub(crate) fn wait(&mut self) {
        assert!(self.driver.outstanding() > 0, "nothing would ever end");
        while self.ended.is_empty() {
            self.driver.park(None, &mut self.ended);
        }
    }
}

impl TaskIo for DriverIo {
    fn submit(&mut self, operation: Operation) -> OperationId {
        self.driver.submit(operation)
    }

    fn take_completion(&mut self, is_mine: impl Fn(OperationId) -> bool) -> Option<Completion> {
        self.driver.poll(&mut self.ended);
        let at = self.ended.iter().position(|completion| is_mine(completion.id))?;
        Some(self.ended.swap_remove(at))
    }

    fn files(&self) -> Files {
        self.driver.files().clone()
    }
}
