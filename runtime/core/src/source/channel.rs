//! A bounded channel from the embedding program into a job.
//!
//! The sending side has backpressure: plain threads block in
//! [`ChannelSender::send`], async code awaits [`ChannelSender::send_async`], and
//! [`ChannelSender::try_send`] says that there is no room. The stream ends when all
//! senders are dropped.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use crate::{
    Record,
    chain::{Source, SourceContext, SourceReader},
    error::Error,
    task::Cx,
    task::flow::{Drive, Push},
};

/// A channel that holds up to `capacity` records.
///
/// # Panics
/// If `capacity` is 0.
pub fn channel_source<T: Record>(capacity: usize) -> (ChannelSender<T>, ChannelSource<T>) {
    assert!(capacity > 0, "a channel has room for at least one record");
    let state = State {
        records: VecDeque::with_capacity(capacity.min(1024)),
        senders: 1,
        closed: false,
        receivers: Vec::new(),
        waiting: Vec::new(),
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), room: Condvar::new(), capacity });
    let hold = Arc::new(Hold { shared: Arc::clone(&shared) });
    (ChannelSender { shared: Arc::clone(&shared) }, ChannelSource { shared, _hold: hold })
}

struct Shared<T> {
    state: Mutex<State<T>>,
    room: Condvar,
    capacity: usize,
}

struct State<T> {
    records: VecDeque<T>,
    senders: usize,
    /// Nobody will read any more.
    closed: bool,
    /// Tasks that found nothing.
    receivers: Vec<Waker>,
    /// Async senders that found no room.
    waiting: Vec<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.room.notify_all();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> State<T> {
    fn put(&mut self, record: T) {
        self.records.push_back(record);
        for waker in self.receivers.drain(..) {
            waker.wake();
        }
    }
}

/// The job does not read any more; the record comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<T> {
    /// The channel is full; only from [`ChannelSender::try_send`].
    Full(T),
    /// The job that read the channel is over.
    Closed(T),
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel into the job is full",
            Self::Closed(_) => "the job that read this channel is over",
        })
    }
}

impl<T> std::error::Error for SendError<T> {}

/// Pushes records into a job.
pub struct ChannelSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> ChannelSender<T> {
    /// Sends a record; blocks this thread while there is no room.
    ///
    /// # Errors
    /// If the job is over.
    pub fn send(&self, record: T) -> Result<(), SendError<T>> {
        let mut state = self.shared.lock();
        while state.records.len() >= self.shared.capacity && !state.closed {
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(SendError::Closed(record));
        }
        state.put(record);
        Ok(())
    }

    /// Sends a record if there is room.
    ///
    /// # Errors
    /// If there is none, or the job is over.
    pub fn try_send(&self, record: T) -> Result<(), SendError<T>> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(SendError::Closed(record));
        }
        if state.records.len() >= self.shared.capacity {
            return Err(SendError::Full(record));
        }
        state.put(record);
        Ok(())
    }

    /// Sends a record; waits, without blocking the thread, while there is no room.
    ///
    /// # Errors
    /// If the job is over.
    pub async fn send_async(&self, record: T) -> Result<(), SendError<T>> {
        let mut record = Some(record);
        poll_fn(|context| {
            let mut state = self.shared.lock();
            if state.records.len() >= self.shared.capacity && !state.closed {
                if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    state.waiting.push(context.waker().clone());
                }
                return Poll::Pending;
            }
            let record = record.take().expect("polled until it is sent");
            if state.closed {
                return Poll::Ready(Err(SendError::Closed(record)));
            }
            state.put(record);
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl<T> Clone for ChannelSender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for ChannelSender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.senders -= 1;
        if state.senders == 0 {
            state.receivers.drain(..).for_each(Waker::wake);
        }
    }
}

impl<T> fmt::Debug for ChannelSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSender").field("capacity", &self.shared.capacity).finish()
    }
}

/// Closes the channel when no template and no reader of it is left.
struct Hold<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Drop for Hold<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// The job's end of a channel; its subtasks take turns.
pub struct ChannelSource<T> {
    shared: Arc<Shared<T>>,
    _hold: Arc<Hold<T>>,
}

impl<T> Clone for ChannelSource<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), _hold: Arc::clone(&self._hold) }
    }
}

impl<T> fmt::Debug for ChannelSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelSource")
    }
}

impl<T: Record> Source for ChannelSource<T> {
    type Out = T;
    type Reader = ChannelReader<T>;

    /// Nothing: what was taken from a channel can't be read again.
    type Split = ();

    fn open(
        &self,
        _restored: Option<Vec<()>>,
        _context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<ChannelReader<T>, Error> {
        Ok(ChannelReader { source: self.clone(), taken: VecDeque::new() })
    }

    fn is_bounded(&self) -> bool {
        false
    }
}

/// Records that a reader takes at once.
const TAKE_MAX: usize = 64;

/// A running [`ChannelSource`].
pub struct ChannelReader<T> {
    source: ChannelSource<T>,
    /// Taken from the channel, not yet sent.
    taken: VecDeque<T>,
}

impl<T> ChannelReader<T> {
    /// Takes what is there. `None` when there is nothing now, the task being noted
    /// as waiting; false when there never will be.
    fn take(&mut self, cx: &Cx) -> Option<bool> {
        let shared = &self.source.shared;
        let mut state = shared.lock();
        let count = state.records.len().min(TAKE_MAX);
        if count == 0 {
            if state.senders == 0 {
                return Some(false);
            }
            if !state.receivers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.receivers.push(cx.waker().clone());
            }
            return None;
        }
        self.taken.extend(state.records.drain(..count));
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        shared.room.notify_all();
        waiting.into_iter().for_each(Waker::wake);
        Some(true)
    }
}

impl<T> SourceReader<T> for ChannelReader<T> {
    type Split = ();

    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        for sent in 1..=cx.quantum() {
            let record = match self.taken.pop_front() {
                Some(record) => record,
                None => match self.take(cx) {
                    Some(true) => continue,
                    Some(false) => return Drive::Ended,
                    None => return Drive::Starved,
                },
            };
            cx.metrics.count_emitted(1);
            if let Some(interrupted) = sink.push(record, cx).interrupts() {
                return interrupted;
            }
            if sent.is_multiple_of(super::INTERRUPT_CHECK) && cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}

impl<T> fmt::Debug for ChannelReader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelReader").field("taken", &self.taken.len()).finish_non_exhaustive()
    }
}
