//! Counting: a sum per thread, handed on in batches to a total and to the owner it belongs to.
//!
//! Invariant: the total and the owners' balances change by the same amounts, so their sum is the
//! total. All atomics are plain counters: nothing is published through them, so Relaxed suffices.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::heap::limit;

/// Bytes that a thread counts by itself before it hands them on.
pub(super) const BATCH: i64 = 64 << 10;
/// Owners that can be told apart at a time. One of each subtask, with room for several jobs: the
/// table is 32 KiB.
pub(super) const OWNERS_MAX: usize = 4096;
/// What a usual malloc puts before each allocation.
const HEADER_BYTES: usize = 8;
/// What it rounds to.
const GRAIN_BYTES: usize = 16;
/// The least it gives.
const CHUNK_BYTES_MIN: usize = 32;

const _: () = assert!(OWNERS_MAX <= u16::MAX as usize);

static TOTAL: AtomicI64 = AtomicI64::new(0);
static BALANCES: [AtomicI64; OWNERS_MAX] = [const { AtomicI64::new(0) }; OWNERS_MAX];

/// Whose allocations are counted: a place in the table of balances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OwnerPlace(pub(super) u16);

impl OwnerPlace {
    /// Whoever has not said who it is.
    pub(super) const NOBODY: OwnerPlace = OwnerPlace(0);

    fn balance(self) -> &'static AtomicI64 {
        &BALANCES[usize::from(self.0)]
    }
}

/// What one thread has counted. Has no destructor, so that it can be used to a thread's very end.
struct Local {
    pending: Cell<i64>,
    /// How much may be pending: nothing before the first allocation and after the last.
    batch: Cell<i64>,
    owner: Cell<OwnerPlace>,
    allocations: Cell<u64>,
}

/// Hands on what a thread has counted when it ends.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        LOCAL.with(|local| {
            local.batch.set(0);
            local.hand_on();
        });
    }
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            pending: Cell::new(0),
            batch: Cell::new(0),
            owner: Cell::new(OwnerPlace::NOBODY),
            allocations: Cell::new(0),
        }
    };
    static ENDING: Ending = const { Ending };
}

impl Local {
    /// Hands on what is pending; the total after it.
    fn hand_on(&self) -> i64 {
        let pending = self.pending.replace(0);
        self.owner.get().balance().fetch_add(pending, Ordering::Relaxed);
        TOTAL.fetch_add(pending, Ordering::Relaxed) + pending
    }

    #[cold]
    fn hand_on_batch(&self) -> i64 {
        // Fails at the end of a thread, when destructors of others allocate: then batches stay 0.
        if self.batch.get() == 0 && ENDING.try_with(|_| ()).is_ok() {
            self.batch.set(BATCH);
        }
        self.hand_on()
    }
}

fn footprint(size: usize) -> i64 {
    let chunk = (size + HEADER_BYTES).next_multiple_of(GRAIN_BYTES).max(CHUNK_BYTES_MIN);
    chunk as i64
}

fn growth(old: usize, new: usize) -> i64 {
    footprint(new) - if old == 0 { 0 } else { footprint(old) }
}

/// Takes back what [`allocated`] counted, since the memory was not there.
#[cold]
pub(super) fn not_given(old: usize, new: usize) {
    LOCAL.with(|local| {
        local.pending.set(local.pending.get() - growth(old, new));
        local.hand_on();
    });
}

/// Counts an allocation that grows from `old` bytes (0: a new one) to `new`. False, and nothing is
/// counted, when it must be refused.
#[inline]
pub(super) fn allocated(old: usize, new: usize) -> bool {
    let more = growth(old, new);
    LOCAL.with(|local| {
        local.allocations.set(local.allocations.get() + 1);
        let pending = local.pending.get() + more;
        local.pending.set(pending);
        if pending.abs() <= local.batch.get() {
            return true;
        }
        let total = local.hand_on_batch();
        if more <= 0 || limit::admits(total) {
            return true;
        }
        local.pending.set(-more);
        local.hand_on();
        limit::refuse(new, total);
        false
    })
}

/// Counts the end of an allocation.
#[inline]
pub(super) fn freed(size: usize) {
    LOCAL.with(|local| {
        let pending = local.pending.get() - footprint(size);
        local.pending.set(pending);
        if pending.abs() > local.batch.get() {
            local.hand_on_batch();
        }
    });
}

/// Makes `owner` the one that this thread's allocations are counted for; returns who it was.
pub(super) fn change_owner(owner: OwnerPlace) -> OwnerPlace {
    LOCAL.with(|local| {
        // Scopes of tasks change often, and most allocate nothing.
        if local.pending.get() != 0 {
            local.hand_on();
        }
        local.owner.replace(owner)
    })
}

/// What an owner has allocated and not freed, as far as it is handed on.
pub(super) fn balance(owner: OwnerPlace) -> i64 {
    owner.balance().load(Ordering::Relaxed)
}

/// Gives an owner's balance to nobody in particular.
pub(super) fn disown(owner: OwnerPlace) {
    let left = owner.balance().swap(0, Ordering::Relaxed);
    OwnerPlace::NOBODY.balance().fetch_add(left, Ordering::Relaxed);
}

/// The total; does not look at what this thread has not handed on.
#[inline]
pub(super) fn total() -> i64 {
    TOTAL.load(Ordering::Relaxed)
}

/// Bytes of heap in use. Lags by at most 64 KiB for each other thread; 0 unless the program's global
/// allocator is a [`crate::heap::CountingAllocator`].
pub fn used() -> u64 {
    let total =
        LOCAL.with(|local| if local.pending.get() == 0 { total() } else { local.hand_on() });
    u64::try_from(total).unwrap_or(0)
}

/// How many allocations this thread has made, reallocations included: for tests that show that a
/// path allocates nothing.
pub fn thread_allocations() -> u64 {
    LOCAL.with(|local| local.allocations.get())
}
