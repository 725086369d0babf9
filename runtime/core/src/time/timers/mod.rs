//! Timers: who wants to be called, and when.
//!
//! A timer is a time, a key and a namespace (the window, as a rule); registering the same one
//! again does nothing. Timers that fall due together are few in their times and many in their keys:
//! all keys of a window end with it. So they lie by time:
//!
//! ```text
//!   times: heap of distinct times    1000   2000   ...      8 bytes each
//!                                      |      |
//!   buckets: hash map by time        [k1]   [k1 k2 k3 ...]   in order of registration
//!                                             |
//!                                    the set's own index, once it is longer than a few
//! ```
//!
//! Registering costs a look-up of the time, which is kept from the last call, and one in its set;
//! the heap is touched once per distinct time, and nothing is sorted but times. Timers of one time
//! fire in the order in which they were registered, so that a run can be repeated.
//!
//! Both time domains use the same queue, one of each: event time advances with watermarks,
//! processing time with the clock. Timers registered while others fire, even for the past, fire
//! in the same turn, as in Flink.
//!
//! Snapshots: [`TimerQueue::iter`] goes over all timers, [`TimerQueue::by_key_group`] sorts them by
//! key group, and [`TimerQueue::register`] takes them back. The queue holds values, not bytes: whoever writes the
//! snapshot has their codec, and rescaling needs the hash alone.
//!
//! That queue is on the heap. Timers of keyed functions lie in the table of their operator's state
//! (`state/keyed/timers/`), and what is due when in a `DueQueue`, in managed memory both.
//!
//! Thread: its worker. Data plane: allocates only as it grows and with a new time.

mod due;
mod queue;
mod set;

pub(crate) use due::{Due, DueQueue};
pub use queue::{Timer, TimerQueue, TimersByKeyGroup};

#[cfg(test)]
mod tests;
