//! Asynchronous operators: a future for each record, many of them under way at a time.
//!
//! The futures are polled by the task's worker, each when it was woken and never else, so they must
//! not block: what blocks belongs to a runtime of the function's own, whose handle the future awaits.
//! A worker's turn is not longer for requests that wait.
//!
//! Owns: the order of results ([`line`]), futures and deadlines ([`pending`]), retries ([`retry`]),
//! and the stage that puts them into a chain ([`stage`]).
//!
//! Invariants:
//! - At most [`AsyncOptions::capacity`] records are in the operator; then its input waits.
//! - No watermark overtakes a record or is overtaken by one.
//! - A barrier passes at once. The inputs of all requests whose results have not left are state, in
//!   the order in which they came; after a restore they are asked again before anything else.
//! - Time is the driver's, so a simulated job is as deterministic as its futures.
//!
//! Thread: the worker's; only wake-ups come from others.
//!
//! Deliberately absent: threads. A future needs some only where it blocks, and then they are its own.

mod line;
mod pending;
mod retry;
mod stage;

use std::{future::Future, num::NonZeroU32, time::Duration};

use crate::{Record, error::BoxError, task::RuntimeContext};

use line::Order;
pub use retry::{Answer, RetryStrategy};
pub use stage::AsyncProcess;

/// Makes a future for each record.
///
/// Implemented by closures from a record to a future, as in `|id: &u64| lookup(*id)`.
pub trait AsyncFunction<I>: Clone + Send + 'static {
    /// What comes of a record.
    type Out: Record;
    /// The future of what comes of it. It is polled on the worker's thread.
    type Request: Future<Output = Answer<Self::Out>> + 'static;

    /// Called before the first record; the place to connect.
    fn open(&mut self, _context: &mut RuntimeContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// Asks for what comes of `input`: for each record, again for a retry and after a restore.
    fn invoke(&mut self, input: &I) -> Self::Request;

    /// What comes of a record whose request took too long; its future was dropped.
    fn timed_out(&mut self, _input: &I) -> Answer<Self::Out> {
        Err("a request took longer than the operator's timeout allows: answer it in \
             `AsyncFunction::timed_out`, or allow more time"
            .into())
    }

    /// Called at the very end, after failures too.
    fn close(&mut self) {}
}

impl<I, U, F, R> AsyncFunction<I> for F
where
    U: Record,
    F: FnMut(&I) -> R + Clone + Send + 'static,
    R: Future<Output = Answer<U>> + 'static,
{
    type Out = U;
    type Request = R;

    fn invoke(&mut self, input: &I) -> R {
        self(input)
    }
}

/// How an asynchronous operator works.
#[derive(Debug)]
pub struct AsyncOptions<U> {
    capacity: NonZeroU32,
    timeout: Option<Duration>,
    retry: RetryStrategy<U>,
    order: Order,
}

impl<U> Clone for AsyncOptions<U> {
    fn clone(&self) -> Self {
        Self { retry: self.retry.clone(), ..*self }
    }
}

impl<U: 'static> AsyncOptions<U> {
    fn with(order: Order) -> Self {
        let capacity = NonZeroU32::new(100).expect("100 is not 0");
        Self { capacity, timeout: None, retry: RetryStrategy::none(), order }
    }

    /// Results leave in the order of the records: 100 at a time, no timeout, no retries.
    pub fn ordered() -> Self {
        Self::with(Order::Kept)
    }

    /// The same, but results leave as they come, between two watermarks.
    pub fn unordered() -> Self {
        Self::with(Order::Free)
    }

    /// How many records may be in the operator at a time.
    #[must_use]
    pub fn capacity(self, capacity: NonZeroU32) -> Self {
        Self { capacity, ..self }
    }

    /// How long a request may take, all attempts together.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Whether and when requests are made again.
    #[must_use]
    pub fn retry(self, retry: RetryStrategy<U>) -> Self {
        Self { retry, ..self }
    }
}

#[cfg(test)]
mod tests;
