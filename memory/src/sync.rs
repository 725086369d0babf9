//! Atomics and locks, from the standard library or, under `--cfg loom`, from loom.
//!
//! Every lock-free structure of this crate takes its primitives from here, so that loom can run
//! all interleavings of the very code that ships. Reference counts of whole structures (`Arc`) stay
//! the standard library's: they are not part of any protocol here.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};
