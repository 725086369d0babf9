//! A bounded queue from many threads to one: a worker's mailbox.
//!
//! The algorithm is Dmitry Vyukov's bounded queue: each cell carries a sequence
//! number that says whose turn it is, so that a producer claims a cell with one
//! compare-and-swap and no producer waits for another's write.
//!
//! A sender that finds it full may enter a line (`room.rs`) and is rung when the
//! receiver has made room; nobody spins for it.
#![expect(unsafe_code, reason = "cells are written by whoever holds their turn")]

mod room;

use crossbeam_utils::CachePadded;
use std::{mem::MaybeUninit, task::Waker};

use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, UnsafeCell, fence};
use room::RoomLine;

/// A bounded queue; `capacity` is a power of two of at least 2.
///
/// # Panics
/// If it is not.
pub fn mailbox<T>(capacity: usize) -> (MailboxSender<T>, MailboxReceiver<T>) {
    let queue = Arc::new(Queue::new(capacity));
    (MailboxSender { queue: Arc::clone(&queue) }, MailboxReceiver { queue })
}

/// The side that any thread may hold.
pub struct MailboxSender<T> {
    queue: Arc<Queue<T>>,
}

/// The side of the one thread that reads.
pub struct MailboxReceiver<T> {
    queue: Arc<Queue<T>>,
}

impl<T> MailboxSender<T> {
    /// Adds `value`, or gives it back when the mailbox is full.
    #[inline]
    pub fn push(&self, value: T) -> Result<(), T> {
        self.queue.push(value)
    }

    /// Has `waker` rung when the receiver has made room or is gone. Room that was made
    /// before rings nobody: push once more before you rest.
    pub fn wait_for_room(&self, waker: &Waker) {
        self.queue.room.enter(waker);
    }

    /// Whether nobody will read any more. Then it drops what lies in the mailbox: a value
    /// that was pushed while the receiver went would be kept as long as its senders.
    ///
    /// Who pushes last asks once more.
    pub fn discard_if_closed(&self) -> bool {
        // Partner of the fence in the receiver's drop: either that sees what was pushed
        // before, or this sees that it is closed.
        fence(Ordering::SeqCst);
        // Acquire: partner of the release in the receiver's drop, which has popped before.
        let closed = self.queue.closed.load(Ordering::Acquire);
        if closed {
            self.queue.discard();
        }
        closed
    }
}

impl<T> Clone for MailboxSender<T> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl<T> MailboxReceiver<T> {
    /// Takes the oldest value.
    pub fn pop(&mut self) -> Option<T> {
        let value = self.take();
        if value.is_some() {
            self.queue.room.ring();
        }
        value
    }

    /// Hands up to `limit` values to `each`, oldest first, and rings senders that wait
    /// for room; how many there were.
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(T)) -> usize {
        let mut taken = 0;
        while taken < limit
            && let Some(value) = self.take()
        {
            taken += 1;
            each(value);
        }
        if taken > 0 {
            self.queue.room.ring();
        }
        taken
    }

    #[inline]
    fn take(&mut self) -> Option<T> {
        // SAFETY: there is one receiver, it is not `Clone`, and `&mut` makes this
        // the only call.
        unsafe { self.queue.pop() }
    }
}

impl<T> Drop for MailboxReceiver<T> {
    fn drop(&mut self) {
        // Release: partner of the acquire in `discard_if_closed`.
        self.queue.closed.store(true, Ordering::Release);
        // Partner of the fence in `discard_if_closed`.
        fence(Ordering::SeqCst);
        self.queue.discard();
        self.queue.room.ring();
    }
}

struct Cell<T> {
    /// `position` when free for the push at that position, `position + 1` when it
    /// holds that push's value.
    turn: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// Any thread pushes, one thread pops.
struct Queue<T> {
    cells: Box<[Cell<T>]>,
    mask: usize,
    tail: CachePadded<AtomicUsize>,
    /// Written by the popping thread only.
    head: CachePadded<AtomicUsize>,
    room: RoomLine,
    closed: AtomicBool,
    /// Held by who empties a queue whose receiver is gone.
    discarding: Mutex<()>,
}

// SAFETY: a value is moved in by one thread and out by another, never shared;
// the turn of its cell orders the two.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; `pop` is unsafe for that reason.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two() && capacity >= 2, "a mailbox of {capacity}");
        let cell = |position| Cell {
            turn: AtomicUsize::new(position),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Self {
            cells: (0..capacity).map(cell).collect(),
            mask: capacity - 1,
            tail: CachePadded::new(AtomicUsize::new(0)),
            head: CachePadded::new(AtomicUsize::new(0)),
            room: RoomLine::new(),
            closed: AtomicBool::new(false),
            discarding: Mutex::new(()),
        }
    }

    fn push(&self, value: T) -> Result<(), T> {
        // Relaxed: a stale position only costs another round; the cell's turn decides.
        let mut position = self.tail.load(Ordering::Relaxed);
        loop {
            let cell = &self.cells[position & self.mask];
            // Acquire: partner of the release in `pop` that freed the cell.
            let turn = cell.turn.load(Ordering::Acquire);
            if turn == position {
                // Relaxed: the claim is published by the turn's release below.
                match self.tail.compare_exchange_weak(
                    position,
                    position.wrapping_add(1),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        cell.value.with_mut(|slot| {
                            // SAFETY: the exchange gave this thread the cell until it
                            // publishes the turn; nobody else reads or writes it.
                            unsafe { (*slot).write(value) };
                        });
                        // Release: partner of the acquire in `pop`.
                        cell.turn.store(position.wrapping_add(1), Ordering::Release);
                        return Ok(());
                    }
                    Err(now) => position = now,
                }
            } else if turn.wrapping_sub(position) as isize > 0 {
                position = self.tail.load(Ordering::Relaxed);
            } else {
                return Err(value);
            }
        }
    }

    /// Drops what is in a queue that is closed.
    #[cold]
    fn discard(&self) {
        let _alone = self.discarding.lock().expect("dropping a value does not panic");
        // SAFETY: the receiver is gone, or it is its drop that calls: it pops no more but
        // here, where the lock lets in one at a time.
        while unsafe { self.pop() }.is_some() {}
    }

    /// # Safety
    /// No other call of `pop` may run at the same time.
    unsafe fn pop(&self) -> Option<T> {
        // Relaxed: written by this thread only.
        let position = self.head.load(Ordering::Relaxed);
        let cell = &self.cells[position & self.mask];
        // Acquire: partner of the release in `push` that filled the cell.
        if cell.turn.load(Ordering::Acquire) != position.wrapping_add(1) {
            return None;
        }
        let value = cell.value.with_mut(|slot| {
            // SAFETY: the turn says that the cell holds the value of this position,
            // and only the owning thread pops.
            unsafe { (*slot).assume_init_read() }
        });
        self.head.store(position.wrapping_add(1), Ordering::Relaxed);
        // Release: partner of the acquire in `push`.
        cell.turn.store(position.wrapping_add(self.cells.len()), Ordering::Release);
        Some(value)
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody else holds the queue.
        while unsafe { self.pop() }.is_some() {}
    }
}

impl<T> std::fmt::Debug for MailboxSender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailboxSender")
    }
}

impl<T> std::fmt::Debug for MailboxReceiver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailboxReceiver")
    }
}

#[cfg(test)]
mod tests;
