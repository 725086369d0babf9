//! A result that somebody waits for.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Instant,
};

/// Where a result is put once, and where one waits for it.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    result: Option<T>,
    is_set: bool,
    wakers: Vec<Waker>,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        let state = State { result: None, is_set: false, wakers: Vec::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> Outcome<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the result.
    ///
    /// # Panics
    /// If there is one.
    pub(super) fn set(&self, result: T) {
        let wakers = {
            let mut state = self.lock();
            assert!(!state.is_set, "a result comes once");
            state.result = Some(result);
            state.is_set = true;
            std::mem::take(&mut state.wakers)
        };
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_set(&self) -> bool {
        self.lock().is_set
    }

    /// Waits for the result and takes it; `None` when `until` comes before.
    ///
    /// # Panics
    /// If somebody took it.
    pub(super) fn wait(&self, until: Option<Instant>) -> Option<T> {
        let mut state = self.lock();
        while !state.is_set {
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(state.result.take().expect("a result is taken once"))
    }

    /// As a future does.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<T> {
        let mut state = self.lock();
        if state.is_set {
            return Poll::Ready(state.result.take().expect("a result is taken once"));
        }
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}
