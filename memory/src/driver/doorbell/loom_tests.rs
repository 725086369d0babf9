//! Every interleaving of two ringers and one worker: each item is found, the worker ends.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::Bell;
use super::bell::Heard;

/// Stands for the eventfd: a write ends a wait that began before or begins after it.
struct Wakes {
    written: Mutex<bool>,
    changed: Condvar,
}

struct Worker {
    bell: crossbeam_utils::CachePadded<Bell>,
    wakes: Wakes,
    /// Items, each set once by its ringer with no ordering of its own.
    items: [AtomicU32; 2],
}

impl Worker {
    fn new() -> Arc<Worker> {
        Arc::new(Worker {
            bell: Bell::new(),
            wakes: Wakes { written: Mutex::new(false), changed: Condvar::new() },
            items: [AtomicU32::new(0), AtomicU32::new(0)],
        })
    }

    fn send(&self, item: usize) {
        self.items[item].store(1, Ordering::Relaxed);
        if self.bell.ring() == Heard::Parked {
            *self.wakes.written.lock().unwrap() = true;
            self.wakes.changed.notify_one();
        }
    }

    /// As `Driver::park` without spinning. Loom reports a deadlock when a wake-up is lost.
    fn park(&self) {
        if !self.bell.announce() || !self.bell.try_park() {
            return;
        }
        let mut written = self.wakes.written.lock().unwrap();
        while !*written {
            written = self.wakes.changed.wait(written).unwrap();
        }
        *written = false;
        drop(written);
        self.bell.unpark();
    }

    fn run_until_found(&self, wanted: usize) {
        loop {
            let found =
                (0..wanted).filter(|item| self.items[*item].load(Ordering::Relaxed) == 1).count();
            if found == wanted {
                return;
            }
            self.park();
        }
    }
}

fn check(ringers: usize, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let worker = Worker::new();
        let threads: Vec<_> = (0..ringers)
            .map(|item| {
                let worker = worker.clone();
                thread::spawn(move || worker.send(item))
            })
            .collect();
        worker.run_until_found(ringers);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_one_ringer_wakes_the_worker() {
    check(1, None);
}

#[test]
fn loom_two_ringers_wake_the_worker() {
    check(2, Some(3));
}
