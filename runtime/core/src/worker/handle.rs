//! How others reach a worker.

use brisk_memory::driver::Doorbell;
use brisk_network::{Delivery, MailboxSender};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Control;
use crate::task::WorkerId;

/// Control mail for one worker, in order. What is sent to a worker that has ended is dropped, so that
/// whoever waits for an answer finds that none will come.
#[derive(Default)]
pub(super) struct ControlQueue {
    any: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Default)]
struct Mail {
    waiting: VecDeque<Control>,
    closed: bool,
}

impl ControlQueue {
    fn push(&self, control: Control) {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        if mail.closed {
            return;
        }
        mail.waiting.push_back(control);
        // Release: partner of the acquire in `take`.
        self.any.store(true, Ordering::Release);
    }

    /// All mail so far; one load when there is none.
    pub(super) fn take(&self) -> VecDeque<Control> {
        // Acquire: partner of the release in `push`.
        if !self.any.load(Ordering::Acquire) {
            return VecDeque::new();
        }
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: under the lock, and a push that follows sets it again.
        self.any.store(false, Ordering::Relaxed);
        std::mem::take(&mut mail.waiting)
    }

    /// The worker is gone: drops all mail, and what may still come.
    pub(super) fn close(&self) {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        mail.closed = true;
        let waiting = std::mem::take(&mut mail.waiting);
        drop(mail);
        drop(waiting);
    }
}

/// Reaches one worker from any thread.
#[derive(Clone)]
pub struct WorkerHandle {
    /// The worker's name.
    pub id: WorkerId,
    /// Where it listens for workers of other processes, if there are any.
    pub data: Option<SocketAddr>,
    pub(super) control: Arc<ControlQueue>,
    pub(super) mailbox: MailboxSender<Delivery>,
    pub(super) doorbell: Doorbell,
}

impl WorkerHandle {
    /// Sends mail and wakes the worker.
    pub fn send(&self, control: Control) {
        self.control.push(control);
        self.doorbell.ring();
    }
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkerHandle").field(&self.id).finish()
    }
}

/// All workers of a process.
#[derive(Debug, Default)]
pub struct Directory {
    workers: RwLock<HashMap<WorkerId, WorkerHandle>>,
}

impl Directory {
    /// Adds a worker.
    pub fn add(&self, handle: WorkerHandle) {
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        let before = workers.insert(handle.id, handle);
        assert!(before.is_none(), "worker ids are never reused");
    }

    /// Removes a worker that ends.
    pub fn remove(&self, id: WorkerId) {
        self.workers.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// A worker.
    pub fn get(&self, id: WorkerId) -> Option<WorkerHandle> {
        self.workers.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}
