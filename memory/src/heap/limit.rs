//! The limit of the heap: an error at a check point first, a refusal far above it.
//!
//! Atomics are plain values that nothing is published through, so Relaxed suffices.

use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::budget::TopHolders;
use crate::config::MemorySize;
use crate::heap::{counters, owner};

/// How far above the limit, in percent of it, the allocator itself starts to refuse. In between
/// tasks fail in order, and the failing itself needs memory.
const REFUSAL_PERCENT: i64 = 110;

/// Without a limit: more than there is memory.
static LIMIT: AtomicI64 = AtomicI64::new(i64::MAX);
static REFUSAL: AtomicI64 = AtomicI64::new(i64::MAX);

/// The heap holds more than its limit.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the heap outside managed and network memory holds {}, its limit is {}; it is held by {holders}; \
     keep less in user code, or raise taskmanager.memory.task.heap.size",
    used.human(),
    limit.human()
)]
pub struct HeapExhausted {
    /// Bytes in use.
    pub used: MemorySize,
    /// Bytes allowed.
    pub limit: MemorySize,
    /// Who holds them, largest first.
    pub holders: TopHolders,
}

/// Sets the bytes that the heap may hold, or lifts the limit.
pub fn set_limit(bytes: Option<u64>) {
    let limit = bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(i64::MAX);
    let refusal = (limit / 100).checked_mul(REFUSAL_PERCENT).unwrap_or(i64::MAX);
    LIMIT.store(limit, Ordering::Relaxed);
    REFUSAL.store(refusal.max(limit), Ordering::Relaxed);
}

/// The bytes that the heap may hold, if there is a limit.
pub fn limit() -> Option<u64> {
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit == i64::MAX { None } else { u64::try_from(limit).ok() }
}

/// A check point: an error when the heap holds more than its limit. Costs two loads when all is
/// well; a task calls it once per turn.
#[inline]
pub fn check() -> Result<(), HeapExhausted> {
    let (used, limit) = (counters::total(), LIMIT.load(Ordering::Relaxed));
    if used <= limit { Ok(()) } else { Err(exhausted(used, limit)) }
}

#[cold]
fn exhausted(used: i64, limit: i64) -> HeapExhausted {
    let size = |bytes| MemorySize::from_bytes(u64::try_from(bytes).unwrap_or(0));
    HeapExhausted { used: size(used), limit: size(limit), holders: owner::holders() }
}

/// Whether the allocator may let the heap grow to `total`.
#[inline]
pub(super) fn admits(total: i64) -> bool {
    total <= REFUSAL.load(Ordering::Relaxed)
}

/// Says why an allocation is refused, which most programs do not survive. Allocates nothing.
#[cold]
pub(super) fn refuse(bytes: usize, total: i64) {
    let mut line = [0_u8; 160];
    let mut rest = &mut line[..];
    let written = writeln!(
        rest,
        "brisk: an allocation of {bytes} bytes is refused: the heap would hold {total} bytes, more \
         than {REFUSAL_PERCENT} % of its limit"
    );
    let len = 160 - rest.len();
    if written.is_ok() {
        // Nothing is to be done if even that fails.
        drop(std::io::stderr().write_all(&line[..len]));
    }
}
