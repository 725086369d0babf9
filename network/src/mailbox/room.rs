//! Those who found a mailbox full and want to be rung when there is room.
//!
//! Protocol: a sender enters the line and then tries once more; the receiver takes
//! a value out and then looks whether somebody is in line. A fence stands between
//! the two steps on either side, so one of them sees the other. Whoever is rung has
//! left the line. At most one entry for each waker, so the line is bounded by the
//! workers.

use std::{mem, task::Waker};

use crate::sync::{AtomicBool, Mutex, Ordering, fence};

/// The line of one mailbox.
pub(super) struct RoomLine {
    /// Whether somebody may be in line; written under the lock.
    any: AtomicBool,
    line: Mutex<Vec<Waker>>,
}

impl RoomLine {
    pub(super) fn new() -> Self {
        Self { any: AtomicBool::new(false), line: Mutex::new(Vec::new()) }
    }

    /// Enters the line; the caller tries once more before it rests.
    pub(super) fn enter(&self, waker: &Waker) {
        {
            let mut line = self.line.lock().expect("nothing panics under the lock");
            if !line.iter().any(|known| known.will_wake(waker)) {
                line.push(waker.clone());
            }
            // Relaxed: the fence orders it before the caller's next try.
            self.any.store(true, Ordering::Relaxed);
        }
        // Partner of the fence in `ring`.
        fence(Ordering::SeqCst);
    }

    /// Rings all who are in line; called after room was made.
    #[inline]
    pub(super) fn ring(&self) {
        // Partner of the fence in `enter`.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it after the room that was made.
        if self.any.load(Ordering::Relaxed) {
            self.ring_all();
        }
    }

    #[cold]
    fn ring_all(&self) {
        let line = {
            let mut line = self.line.lock().expect("nothing panics under the lock");
            self.any.store(false, Ordering::Relaxed);
            mem::take(&mut *line)
        };
        line.into_iter().for_each(Waker::wake);
    }
}
