//! When a driver gives up on what it waits for: connections that are being made.
//!
//! Beside the timers, since nearly all of these are withdrawn before their time. There are as many
//! as attempts under way, a handful, so a list does.

use std::time::Duration;

use crate::driver::{Instant64, OperationId, Socket};

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    waiting: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    at: Instant64,
    id: OperationId,
    socket: Socket,
    timeout: Duration,
}

impl Deadlines {
    pub(crate) fn add(
        &mut self,
        now: Instant64,
        id: OperationId,
        socket: Socket,
        timeout: Duration,
    ) {
        self.waiting.push(Attempt { at: now + timeout, id, socket, timeout });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the next one is over.
    pub(crate) fn next(&self) -> Option<Instant64> {
        self.waiting.iter().map(|attempt| attempt.at).min()
    }

    /// The operation has ended in time.
    pub(crate) fn withdraw(&mut self, ended: OperationId) {
        self.waiting.retain(|attempt| attempt.id != ended);
    }

    /// A socket whose time is over at `now`, and what its time was.
    pub(crate) fn expired(&mut self, now: Instant64) -> Option<(Socket, Duration)> {
        let over = self.waiting.iter().position(|attempt| attempt.at <= now)?;
        let attempt = self.waiting.swap_remove(over);
        Some((attempt.socket, attempt.timeout))
    }
}
