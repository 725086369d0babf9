//! The threads that do transfers for the epoll backend.
//!
//! Thread: `FilePool` belongs to the worker. Its threads are named `brisk-file-N`, take transfers
//! in the order they were pushed, and are joined when the pool is dropped, after what they had
//! begun. A panic of one is a bug in here: it is passed on to the worker. Where the system gives no
//! thread the worker does the transfers itself: slow, but no reason to end a job.

use std::any::Any;
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use crate::driver::transfer::{Step, Transfer, TransferKind};
use crate::driver::{Completion, Doorbell};

#[derive(Debug)]
pub(super) struct FilePool {
    line: Arc<Line>,
    done: Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
    /// For a pool without threads.
    own: (Sender<Report>, Doorbell),
}

/// What a thread tells the worker.
#[derive(Debug)]
enum Report {
    Done(Completion),
    Panicked(String),
}

#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    transfers: VecDeque<Transfer>,
    closed: bool,
}

impl FilePool {
    /// A pool of so many threads, or as many as the system gives.
    pub(super) fn start(threads: u32, doorbell: Doorbell) -> FilePool {
        let line = Arc::new(Line::default());
        let (sender, done) = channel();
        let mut started = Vec::new();
        for number in 0..threads {
            let (line, sender, doorbell) = (line.clone(), sender.clone(), doorbell.clone());
            let thread = std::thread::Builder::new()
                .name(format!("brisk-file-{number}"))
                .spawn(move || run(&line, &sender, &doorbell));
            match thread {
                Ok(thread) => started.push(thread),
                Err(error) => {
                    tracing::warn!(
                        "{number} of {threads} threads for files: {error}; raise ulimit -u"
                    );
                    break;
                }
            }
        }
        FilePool { line, done, threads: started, own: (sender, doorbell) }
    }

    pub(super) fn push(&self, transfer: Transfer) {
        if self.threads.is_empty() {
            let (done, doorbell) = &self.own;
            // Both ends are ours.
            let _ = done.send(Report::Done(complete(transfer)));
            doorbell.ring();
            return;
        }
        let mut waiting = self.line.waiting.lock().expect("nothing panics under this lock");
        waiting.transfers.push_back(transfer);
        drop(waiting);
        self.line.changed.notify_one();
    }

    /// # Panics
    /// When a thread of the pool did: what it had can't be given back.
    pub(super) fn take_done(&self) -> Option<Completion> {
        match self.done.try_recv() {
            Ok(Report::Done(completion)) => Some(completion),
            Ok(Report::Panicked(cause)) => panic!("a thread for file operations panicked: {cause}"),
            Err(_) => None,
        }
    }
}

impl Drop for FilePool {
    fn drop(&mut self) {
        let mut waiting = self.line.waiting.lock().expect("nothing panics under this lock");
        waiting.closed = true;
        waiting.transfers.clear();
        drop(waiting);
        self.line.changed.notify_all();
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("brisk-file").to_owned();
            if thread.join().is_err() {
                tracing::error!("thread {name} panicked while it ended");
            }
        }
    }
}

fn run(line: &Line, done: &Sender<Report>, doorbell: &Doorbell) {
    while let Some(transfer) = next(line) {
        // Whatever was broken half-way is dropped with the transfer.
        let report = match catch_unwind(AssertUnwindSafe(|| complete(transfer))) {
            Ok(completion) => Report::Done(completion),
            Err(panic) => Report::Panicked(cause_of(&*panic)),
        };
        // The worker may be gone; then nobody wants the report.
        let _ = done.send(report);
        doorbell.ring();
    }
}

fn cause_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

fn next(line: &Line) -> Option<Transfer> {
    let mut waiting = line.waiting.lock().expect("nothing panics under this lock");
    loop {
        if waiting.closed {
            return None;
        }
        if let Some(transfer) = waiting.transfers.pop_front() {
            return Some(transfer);
        }
        waiting = line.changed.wait(waiting).expect("nothing panics under this lock");
    }
}

/// Asks the system until the transfer is whole.
fn complete(mut transfer: Transfer) -> Completion {
    loop {
        let answer = ask(&mut transfer);
        match transfer.answered(answer) {
            Step::Again(rest) => transfer = rest,
            Step::Done(completion) => return completion,
        }
    }
}

fn ask(transfer: &mut Transfer) -> io::Result<usize> {
    let file = transfer.file.clone();
    let offset = transfer.rest_offset();
    let answer = match transfer.kind {
        TransferKind::Read => {
            let mut parts: Vec<_> = transfer.rest_mut().map(IoSliceMut::new).collect();
            rustix::io::preadv(file.descriptor(), &mut parts, offset)
        }
        TransferKind::Write => {
            let parts: Vec<IoSlice<'_>> = transfer.rest().map(IoSlice::new).collect();
            rustix::io::pwritev(file.descriptor(), &parts, offset)
        }
        TransferKind::Sync => rustix::fs::fdatasync(file.descriptor()).map(|()| 0),
    };
    answer.map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
