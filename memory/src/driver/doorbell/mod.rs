//! The doorbell: how other threads wake a worker, for the price of a fence and a load while it is
//! awake.
//!
//! One word says what the worker is about to do:
//!
//! ```text
//!             park() finds AWAKE: announce,        park() finds DROWSY: spin,
//!             return for one last look             then commit
//!    AWAKE ---------------------------> DROWSY ---------------------------> PARKED
//!      ^                                  |                                   |
//!      |             ring()               |               ring()              |
//!      +----------------------------------+   + a write to the eventfd -------+
//!      +------------------------------------- time or completion -------------+
//! ```
//!
//! Why no wake-up is lost. A ringer makes its item visible, then passes a full fence, then reads
//! the word. The worker writes DROWSY, passes a full fence, then looks at its queues (the turn
//! between two calls of `park`). Of two such sequences at least one sees the other's write: either
//! the worker's look finds the item, or the ringer reads DROWSY or later, puts AWAKE there, and
//! thereby makes the step to PARKED fail or, if that was taken already, writes the eventfd, which
//! the worker waits for.
//!
//! Why a fence in every ring and not `membarrier` in every park: a fence costs about 10 ns and
//! there is one ring per batch; a membarrier interrupts every other core for each sleep, which at
//! low load is once a record.
//!
//! The worker's duty: between two calls of `park` it looks at every queue whose producers ring.

mod bell;

#[cfg(all(test, loom))]
mod loom_tests;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::{Wake, Waker};

use crossbeam_utils::CachePadded;
use rustix::event::{EventfdFlags, eventfd};

pub(crate) use bell::Bell;
use bell::Heard;

use super::DriverError;

/// Wakes one worker. Clones ring the same worker; it may outlive the worker.
#[derive(Clone)]
pub struct Doorbell {
    shared: Arc<Shared>,
}

struct Shared {
    bell: CachePadded<Bell>,
    /// Absent in a simulation, whose worker never blocks.
    wake: Option<OwnedFd>,
}

impl Doorbell {
    /// A doorbell whose parked worker waits for an eventfd.
    pub(crate) fn with_eventfd() -> Result<Doorbell, DriverError> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = eventfd(0, flags)
            .map_err(|source| DriverError::Setup { step: "eventfd", source: source.into() })?;
        Ok(Doorbell { shared: Arc::new(Shared { bell: Bell::new(), wake: Some(wake) }) })
    }

    /// A doorbell whose worker never blocks.
    pub(crate) fn of_simulation() -> Doorbell {
        Doorbell { shared: Arc::new(Shared { bell: Bell::new(), wake: None }) }
    }

    /// Makes sure that the worker looks at its queues after this call. What it should find there
    /// must have been put there before.
    #[inline]
    pub fn ring(&self) {
        self.shared.ring();
    }

    /// This doorbell as a waker, for futures and pools; `wake` rings.
    pub fn waker(&self) -> Waker {
        Waker::from(self.shared.clone())
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.shared.bell
    }

    /// The descriptor that becomes readable (edge) when a parked worker is rung.
    pub(crate) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.shared.wake.as_ref().expect("a blocking backend has an eventfd").as_fd()
    }
}

impl Shared {
    #[inline]
    fn ring(&self) {
        if self.bell.ring() == Heard::Parked {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let Some(wake) = &self.wake else { return };
        match rustix::io::write(wake, &1u64.to_ne_bytes()) {
            Ok(_) => {}
            // Nothing reads the counter, since its edges are what is waited for: empty it here
            // when it is full, which takes longer than any process lives.
            Err(rustix::io::Errno::AGAIN) => {
                let mut count = [0u8; 8];
                rustix::io::read(wake, &mut count).expect("a full eventfd can be read");
                rustix::io::write(wake, &1u64.to_ne_bytes()).expect("an empty one written");
            }
            Err(error) => panic!("a doorbell's eventfd refused a write: {error}"),
        }
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorbell").finish_non_exhaustive()
    }
}
