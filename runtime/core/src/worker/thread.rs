//! The thread that runs a worker.

use brisk_memory::{
    Arena,
    driver::{Driver, DriverOptions},
};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use super::{
    Control, Directory, RemoteOptions, Turn, Worker, WorkerHandle,
    turn::{TurnLimits, WorkerParts},
};
use crate::{
    checkpoint::storage::Disk,
    error::Error,
    task::{BufferQuota, WorkerId},
};

/// Operations of a disk that tasks wait for.
const DISK_DEPTH: u32 = 32;

/// How to start a worker thread.
#[derive(Clone)]
pub struct WorkerOptions {
    /// The worker's name.
    pub id: WorkerId,
    /// The memory.
    pub arena: Arena,
    /// How much of it an output may use.
    pub quota: BufferQuota,
    /// How to make its driver.
    pub driver: DriverOptions,
    /// The core it stays on, if any.
    pub core: Option<usize>,
    /// All workers.
    pub directory: Arc<Directory>,
    /// How it reaches other processes, if there are any.
    pub remote: Option<RemoteOptions>,
}

/// A running worker thread. Dropping it ends the worker and waits for it.
#[derive(Debug)]
pub struct WorkerThread {
    handle: WorkerHandle,
    directory: Arc<Directory>,
    thread: Option<thread::JoinHandle<()>>,
}

impl WorkerThread {
    /// Starts the thread; returns when it can be reached.
    pub fn start(options: WorkerOptions) -> Result<Self, Error> {
        let directory = Arc::clone(&options.directory);
        let (sender, receiver) = mpsc::channel();
        let name = format!("brisk-worker-{}", options.id.0);
        let failed =
            |cause: io::Error| Error::Start { what: name.clone(), cause: cause.to_string() };
        let thread = thread::Builder::new()
            .name(name.clone())
            .spawn(move || run(options, &sender))
            .map_err(failed)?;
        let handle = match receiver.recv() {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let cause = "its thread ended at once".to_string();
                return Err(Error::Start { what: name, cause });
            }
        };
        directory.add(handle.clone());
        Ok(Self { handle, directory, thread: Some(thread) })
    }

    /// How to reach it.
    pub fn handle(&self) -> &WorkerHandle {
        &self.handle
    }
}

fn run(options: WorkerOptions, started: &mpsc::Sender<Result<WorkerHandle, Error>>) {
    let WorkerOptions { id, arena, quota, driver, core, directory, remote } = options;
    if let Some(core) = core
        && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
    {
        tracing::info!(worker = id.0, core, "the worker can't be pinned to its core");
    }
    let disk = driver.kind.clone();
    let driver = match Driver::new(driver) {
        Ok(driver) => driver,
        Err(error) => {
            let (what, cause) = (format!("the I/O driver of worker {}", id.0), error.to_string());
            // The starter waits for this, so it is there.
            let _ = started.send(Err(Error::Start { what, cause }));
            return;
        }
    };
    let made = Worker::new(WorkerParts {
        id,
        arena,
        quota,
        driver,
        directory,
        limits: TurnLimits::default(),
        open_disk: Box::new(move || {
            // Few operations at a time, each of which is waited for.
            let (kind, depth) = (disk.clone(), DISK_DEPTH);
            let options = DriverOptions { kind, depth, ..DriverOptions::default() };
            Ok(Disk::new(Driver::new(options)?))
        }),
        remote,
    });
    let (mut worker, handle) = match made {
        Ok(made) => made,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    if started.send(Ok(handle)).is_err() {
        return;
    }
    // Tasks are guarded one by one. What panics outside of them is the worker itself:
    // its memory and its neighbours can't be trusted to be consistent any more, and
    // jobs that wait for it would wait for ever.
    if catch_unwind(AssertUnwindSafe(|| run_to_end(&mut worker))).is_err() {
        tracing::error!(worker = id.0, "a bug in the worker: the process is aborted");
        std::process::abort();
    }
}

fn run_to_end(worker: &mut Worker) {
    loop {
        match worker.turn() {
            Turn::Worked => {}
            Turn::Idle(until) => worker.park(until),
            Turn::Ended => return,
        }
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.directory.remove(self.handle.id);
        self.handle.send(Control::Shutdown);
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!(worker = self.handle.id.0, "the worker's thread panicked");
        }
    }
}
