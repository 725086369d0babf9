//! A driver that plays the task.

use std::io;

use brisk_memory::driver::{Driver, DriverKind, DriverOptions, SimulatedWorld};

use super::*;

/// A driver and what has ended on it.
pub(crate) struct DriverIo {
    driver: Driver,
    ended: Vec<Completion>,
    submitted: usize,
    /// Which operation fails, and how, as if the system had said so.
    fault: Option<(usize, io::ErrorKind)>,
    failing: Option<OperationId>,
    /// When the machine loses power.
    crash: Option<(SimulatedWorld, u64)>,
}

impl DriverIo {
    pub(crate) fn new(kind: DriverKind) -> DriverIo {
        let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
        DriverIo {
            driver,
            ended: Vec::new(),
            submitted: 0,
            fault: None,
            failing: None,
            crash: None,
        }
    }

    /// Lets one operation fail, counted from 0.
    pub(crate) fn with_fault(operation: usize, kind: io::ErrorKind) -> DriverIo {
        DriverIo { fault: Some((operation, kind)), ..DriverIo::new(DriverKind::Epoll) }
    }

    /// Operations submitted so far.
    pub(crate) fn submitted(&self) -> usize {
        self.submitted
    }

    /// Lets the machine lose power at the first wait after so many operations.
    pub(crate) fn crash_at(&mut self, world: SimulatedWorld, operations: u64) {
        self.crash = Some((world, operations));
    }

    /// Waits until something has ended; false if the machine has lost power.
    pub(crate) fn wait_on(&mut self) -> bool {
        if let Some((world, operations)) = &self.crash
            && world.operations_begun() >= *operations
        {
            world.crash();
            return false;
        }
        self.wait();
        true
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
        let id = self.driver.submit(operation);
        if let Some((operation, _)) = self.fault
            && operation == self.submitted
        {
            self.failing = Some(id);
        }
        self.submitted += 1;
        id
    }

    fn take_completion(&mut self, is_mine: impl Fn(OperationId) -> bool) -> Option<Completion> {
        self.driver.poll(&mut self.ended);
        let at = self.ended.iter().position(|completion| is_mine(completion.id))?;
        let mut completion = self.ended.swap_remove(at);
        if let Some((_, kind)) = self.fault
            && self.failing == Some(completion.id)
        {
            completion.result = Err(io::Error::from(kind));
        }
        Some(completion)
    }

    fn files(&self) -> Files {
        self.driver.files().clone()
    }
}
