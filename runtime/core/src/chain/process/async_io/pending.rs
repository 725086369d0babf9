//! Requests under way in one subtask: their futures, whose wake-ups come from any thread, and the
//! times at which they are over or made again.
//!
//! Invariants: a request keeps its input until what came of it is taken, so that a checkpoint has the
//! inputs of all that has not left; each future is polled once when it is made and then only after it
//! woke; `next_due` is no later than any deadline or retry.

use brisk_memory::driver::Instant64;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use super::line::SegmentNumber;
use crate::time::Timestamp;

/// A place among the requests; used again when its request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// Slots whose futures want to be polled.
struct Woken {
    slots: Mutex<Vec<u32>>,
    task: Waker,
}

/// Wakes the future in one slot. Of a request that is gone it wakes whoever has the slot now, which
/// costs one look.
struct SlotWaker {
    slot: u32,
    woken: Arc<Woken>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        {
            let mut slots = self.woken.slots.lock().unwrap_or_else(PoisonError::into_inner);
            if slots.contains(&self.slot) {
                return;
            }
            slots.push(self.slot);
        }
        self.woken.task.wake_by_ref();
    }
}

enum Stage<F> {
    /// It has been asked.
    Asked(Pin<Box<F>>),
    /// It is asked once more at this time.
    Waits(Instant64),
    /// What came of it has not left.
    Over,
}

/// One request.
pub(super) struct Request<I, F> {
    pub(super) input: I,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) segment: SegmentNumber,
    /// From 1.
    pub(super) attempt: u32,
    deadline: Option<Instant64>,
    /// In the order in which inputs came.
    number: u64,
    stage: Stage<F>,
}

impl<I, F> Request<I, F> {
    fn due(&self) -> Option<Instant64> {
        match self.stage {
            Stage::Asked(_) => self.deadline,
            Stage::Waits(at) => Some(self.deadline.map_or(at, |deadline| deadline.min(at))),
            Stage::Over => None,
        }
    }
}

/// What a request is begun with.
pub(super) struct Begin<I, F> {
    pub(super) input: I,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) segment: SegmentNumber,
    pub(super) deadline: Option<Instant64>,
    pub(super) future: F,
}

/// What is to be done about a request whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It took too long.
    TimedOut(Slot),
    /// It is to be asked once more.
    Again(Slot),
}

/// All requests of a subtask.
pub(super) struct Pending<I, F> {
    slots: Vec<Option<Request<I, F>>>,
    wakers: Vec<Waker>,
    free: Vec<u32>,
    woken: Arc<Woken>,
    next_number: u64,
    next_due: Option<Instant64>,
}

impl<I, F: Future> Pending<I, F> {
    /// None yet; `task` is woken when a future wakes.
    pub(super) fn new(task: Waker) -> Self {
        let woken = Arc::new(Woken { slots: Mutex::default(), task });
        let (slots, wakers, free) = (Vec::new(), Vec::new(), Vec::new());
        Self { slots, wakers, free, woken, next_number: 0, next_due: None }
    }

    /// Requests whose results have not left.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Begins a request. Its future is to be polled now.
    pub(super) fn begin(&mut self, begin: Begin<I, F>) -> Slot {
        let Begin { input, timestamp, segment, deadline, future } = begin;
        let number = self.next_number;
        self.next_number += 1;
        let stage = Stage::Asked(Box::pin(future));
        let request = Request { input, timestamp, segment, attempt: 1, deadline, number, stage };
        self.note_due(request.due());
        let slot = self.free.pop().unwrap_or_else(|| self.add_slot());
        let before = self.slots[slot as usize].replace(request);
        assert!(before.is_none(), "slot {slot} was free");
        Slot(slot)
    }

    fn add_slot(&mut self) -> u32 {
        let slot = u32::try_from(self.slots.len()).expect("a capacity is 32 bits");
        self.slots.push(None);
        let waker = SlotWaker { slot, woken: Arc::clone(&self.woken) };
        self.wakers.push(Waker::from(Arc::new(waker)));
        slot
    }

    fn note_due(&mut self, due: Option<Instant64>) {
        self.next_due = match (self.next_due, due) {
            (Some(known), Some(due)) => Some(known.min(due)),
            (known, due) => known.or(due),
        };
    }

    /// The request in a slot.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn request(&self, slot: Slot) -> &Request<I, F> {
        self.slots[slot.0 as usize].as_ref().expect("the slot has a request")
    }

    fn request_mut(&mut self, slot: Slot) -> &mut Request<I, F> {
        self.slots[slot.0 as usize].as_mut().expect("the slot has a request")
    }

    /// Polls the future of a request, if it has one; its output once it is there.
    pub(super) fn poll(&mut self, slot: Slot) -> Option<F::Output> {
        let waker = &self.wakers[slot.0 as usize];
        // A waker may be used when its request is gone.
        let request = self.slots[slot.0 as usize].as_mut()?;
        let Stage::Asked(future) = &mut request.stage else { return None };
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// Takes the slots whose futures woke.
    pub(super) fn take_woken(&self) -> Vec<Slot> {
        let mut slots = self.woken.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.drain(..).map(Slot).collect()
    }

    /// The request waits until `at` to be asked once more.
    pub(super) fn wait(&mut self, slot: Slot, at: Instant64) {
        self.request_mut(slot).stage = Stage::Waits(at);
        let due = self.request(slot).due();
        self.note_due(due);
    }

    /// The request is asked once more. Its future is to be polled now.
    pub(super) fn ask_again(&mut self, slot: Slot, future: F) {
        let request = self.request_mut(slot);
        request.attempt += 1;
        request.stage = Stage::Asked(Box::pin(future));
        let due = request.due();
        self.note_due(due);
    }

    /// The request is over; its input stays until [`Pending::take`].
    pub(super) fn over(&mut self, slot: Slot) {
        self.request_mut(slot).stage = Stage::Over;
    }

    /// What came of the request leaves.
    pub(super) fn take(&mut self, slot: Slot) -> Request<I, F> {
        self.free.push(slot.0);
        self.slots[slot.0 as usize].take().expect("what leaves has a request")
    }

    /// Requests whose time has come. All are looked at, but only when one may be due.
    pub(super) fn take_due(&mut self, now: Instant64) -> Vec<Due> {
        if self.next_due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.next_due = None;
        let (mut found, mut next) = (Vec::new(), None::<Instant64>);
        for (slot, request) in (0..).map(Slot).zip(&self.slots) {
            let Some(request) = request else { continue };
            let Some(due) = request.due() else { continue };
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
            } else if request.deadline.is_some_and(|deadline| deadline <= now) {
                found.push(Due::TimedOut(slot));
            } else {
                found.push(Due::Again(slot));
            }
        }
        self.next_due = next;
        found
    }

    /// When [`Pending::take_due`] should be asked again.
    pub(super) fn next_due(&self) -> Option<Instant64> {
        self.next_due
    }

    /// The inputs of all requests and their event times, in the order in which they came.
    pub(super) fn inputs(&self) -> Vec<(&I, Option<Timestamp>)> {
        let mut requests: Vec<_> = self.slots.iter().flatten().collect();
        requests.sort_unstable_by_key(|request| request.number);
        requests.into_iter().map(|request| (&request.input, request.timestamp)).collect()
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        for (slot, request) in (0..).zip(&mut self.slots) {
            if request.take().is_some() {
                self.free.push(slot);
            }
        }
        self.next_due = None;
    }
}
