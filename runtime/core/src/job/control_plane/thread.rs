//! The thread that runs the control plane of a mini cluster.

use brisk_memory::driver::{Driver, DriverKind, DriverOptions};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{ControlPlane, ControlSender, PlaneParts};
use crate::{checkpoint::storage::Disk, error::Error, worker::Turn};

const NAME: &str = "brisk-control";

/// A running control plane. Dropping it ends the thread and waits for it.
#[derive(Debug)]
pub(crate) struct ControlThread {
    sender: ControlSender,
    thread: Option<thread::JoinHandle<()>>,
}

/// Seldom used and never in a hurry: the backend that needs least, and no spinning.
fn quiet_driver() -> Result<Driver, brisk_memory::driver::DriverError> {
    let (kind, spin) = (DriverKind::Epoll, Duration::ZERO);
    Driver::new(DriverOptions { kind, spin, ..DriverOptions::default() })
}

/// A disk for whoever blocks.
pub(crate) fn blocking_disk() -> Result<Disk, brisk_memory::driver::DriverError> {
    Disk::open()
}

impl ControlThread {
    /// Starts the thread; returns when it can be reached.
    pub(crate) fn start() -> Result<Self, Error> {
        let failed = |cause: String| Error::Start { what: format!("the thread {NAME}"), cause };
        let (started, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || run(&started))
            .map_err(|error: io::Error| failed(error.to_string()))?;
        match receiver.recv() {
            Ok(Ok(sender)) => Ok(Self { sender, thread: Some(thread) }),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(failed("it ended at once".to_owned())),
        }
    }

    pub(crate) fn sender(&self) -> &ControlSender {
        &self.sender
    }
}

fn run(started: &mpsc::Sender<Result<ControlSender, String>>) {
    let driver = match quiet_driver() {
        Ok(driver) => driver,
        Err(error) => {
            // The starter waits for this, so it is there.
            let _ = started.send(Err(error.to_string()));
            return;
        }
    };
    let parts = PlaneParts { driver, open_disk: Box::new(blocking_disk) };
    let (mut plane, sender) = ControlPlane::new(parts);
    if started.send(Ok(sender)).is_err() {
        return;
    }
    // Jobs whose master is gone would never end, and whoever waits for them neither.
    if catch_unwind(AssertUnwindSafe(|| run_to_end(&mut plane))).is_err() {
        tracing::error!("a bug in the control plane: the process is aborted");
        std::process::abort();
    }
}

fn run_to_end(plane: &mut ControlPlane) {
    loop {
        match plane.turn() {
            Turn::Worked => {}
            Turn::Idle(until) => plane.park(until),
            Turn::Ended => return,
        }
    }
}

impl Drop for ControlThread {
    fn drop(&mut self) {
        self.sender.shut_down();
        let Some(thread) = self.thread.take() else { return };
        // The last handle of a cluster may be its last job's.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the control plane's thread panicked");
        }
    }
}
