//! The heap outside the memory plan: user code, ordinary collections, everything that `malloc` gives.
//!
//! [`CountingAllocator`] is a global allocator that counts what goes through it. With a limit set,
//! [`check`] tells a task at its next check point that the heap is full and who holds it, long
//! before the kernel would kill the process; the allocator itself refuses only far above the limit.
//!
//! How it counts: each thread adds up on its own and hands on when 64 KiB have come together, so the
//! total lags by at most that per thread, and an allocation costs less than a nanosecond more. Bytes
//! are what a usual `malloc` takes for the request: it, eight more, rounded up to 16, and at least 32.
//!
//! Who holds it: a thread names whom it works for with a [`Scope`]. Allocating adds to that owner,
//! **and freeing subtracts from the owner in whose scope the freeing happens**, whoever allocated.
//! So a balance is exact for what an owner keeps to itself, and says who lets memory grow when it is
//! passed on; it may even be negative, which shows as nothing.
//!
//! Data plane: counting. Control plane: owners and limits. Any thread. Deliberately absent:
//! backtraces, and a header on each allocation that would name who allocated it.

mod allocator;
mod counters;
mod limit;
mod owner;

pub use allocator::CountingAllocator;
pub use counters::{thread_allocations, used};
pub use limit::{HeapExhausted, check, limit, set_limit};
pub use owner::{HeapOwner, HeapOwnerId, Scope, holders};
