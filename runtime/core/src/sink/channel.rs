//! A bounded channel from a job into the embedding program.
//!
//! When it is full the job waits: backpressure reaches its sources. Plain threads
//! take records with [`ChannelReceiver::recv`] or as an iterator, async code with
//! [`ChannelReceiver::recv_async`]. A receiver sees the end when the job is over;
//! a dropped receiver lets the job go on, its records being dropped.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::Error,
    task::Cx,
    task::flow::{Drive, Flow},
};

/// A channel that holds up to `capacity` records, and one more per subtask.
///
/// # Panics
/// If `capacity` is 0.
pub fn channel_sink<T: Send + 'static>(capacity: usize) -> (ChannelSink<T>, ChannelReceiver<T>) {
    assert!(capacity > 0, "a channel has room for at least one record");
    let state = State {
        records: VecDeque::with_capacity(capacity.min(1024)),
        ended: false,
        dropped: false,
        senders: Vec::new(),
        receivers: Vec::new(),
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), filled: Condvar::new(), capacity });
    let hold = Arc::new(Hold { shared: Arc::clone(&shared) });
    (ChannelSink { shared: Arc::clone(&shared), _hold: hold }, ChannelReceiver { shared })
}

struct Shared<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

struct State<T> {
    records: VecDeque<T>,
    ended: bool,
    /// The receiver is gone.
    dropped: bool,
    /// Tasks that found no room.
    senders: Vec<Waker>,
    /// Who waits for a record in async code.
    receivers: Vec<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait: a receiver may be shared, and most wait alone.
    fn tell_receivers(&self, mut state: MutexGuard<'_, State<T>>) {
        let receivers = std::mem::take(&mut state.receivers);
        drop(state);
        self.filled.notify_all();
        receivers.into_iter().for_each(Waker::wake);
    }
}

/// Ends the channel when no template and no writer of it is left.
struct Hold<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Drop for Hold<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.tell_receivers(state);
    }
}

/// The job's end of a channel.
pub struct ChannelSink<T> {
    shared: Arc<Shared<T>>,
    _hold: Arc<Hold<T>>,
}

impl<T> Clone for ChannelSink<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), _hold: Arc::clone(&self._hold) }
    }
}

impl<T> fmt::Debug for ChannelSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelSink")
    }
}

impl<T: Send + 'static> Sink<T> for ChannelSink<T> {
    type Writer = Self;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl<T> ChannelSink<T> {
    /// Whether there is room; if not, the task is noted as waiting.
    fn room(&self, state: &mut State<T>, cx: &mut Cx) -> Flow {
        if state.dropped || state.records.len() < self.shared.capacity {
            return Flow::Continue;
        }
        if !state.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.senders.push(cx.waker().clone());
        }
        cx.pause_until_woken()
    }
}

impl<T> SinkWriter<T> for ChannelSink<T> {
    fn write(&mut self, item: T, cx: &mut Cx) -> Flow {
        let mut state = self.shared.lock();
        if state.dropped {
            return Flow::Continue;
        }
        state.records.push_back(item);
        let flow = self.room(&mut state, cx);
        self.shared.tell_receivers(state);
        flow
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        let mut state = self.shared.lock();
        self.room(&mut state, cx)
    }

    fn finish(&mut self, _cx: &mut Cx) -> Drive {
        Drive::Ended
    }
}

/// Takes records out of a job.
pub struct ChannelReceiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> ChannelReceiver<T> {
    /// Takes the next record; blocks this thread while there is none. `None` when
    /// the job is over.
    pub fn recv(&self) -> Option<T> {
        let mut state = self.shared.lock();
        loop {
            if let Some(record) = self.taken(&mut state) {
                return Some(record);
            }
            if state.ended {
                return None;
            }
            state = self.shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the next record if there is one.
    pub fn try_recv(&self) -> Option<T> {
        self.taken(&mut self.shared.lock())
    }

    /// Takes the next record; waits for it without blocking the thread. `None`
    /// when the job is over.
    pub async fn recv_async(&self) -> Option<T> {
        poll_fn(|context| {
            let mut state = self.shared.lock();
            if let Some(record) = self.taken(&mut state) {
                return Poll::Ready(Some(record));
            }
            if state.ended {
                return Poll::Ready(None);
            }
            if !state.receivers.iter().any(|waker| waker.will_wake(context.waker())) {
                state.receivers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn taken(&self, state: &mut State<T>) -> Option<T> {
        let record = state.records.pop_front()?;
        // Woken when half of it is free: one wake-up for many records.
        if state.records.len() <= self.shared.capacity / 2 {
            state.senders.drain(..).for_each(Waker::wake);
        }
        Some(record)
    }
}

impl<T> Iterator for ChannelReceiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv()
    }
}

impl<T> Drop for ChannelReceiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.dropped = true;
        state.records.clear();
        state.senders.drain(..).for_each(Waker::wake);
    }
}

impl<T> fmt::Debug for ChannelReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelReceiver")
    }
}
