#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
//! The allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::heap::counters;

/// Counts what the allocator under it gives, the system's unless another one is named.
///
/// ```
/// use brisk_memory::heap::CountingAllocator;
///
/// #[global_allocator]
/// static HEAP: CountingAllocator = CountingAllocator::system();
///
/// let before = brisk_memory::heap::thread_allocations();
/// let bytes = vec![0_u8; 100];
/// assert_eq!(brisk_memory::heap::thread_allocations(), before + 1);
/// # drop(bytes);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator<A = System> {
    under: A,
}

impl CountingAllocator {
    /// Over the system's allocator.
    pub const fn system() -> CountingAllocator {
        CountingAllocator { under: System }
    }
}

impl<A> CountingAllocator<A> {
    /// Over this allocator.
    pub const fn over(under: A) -> CountingAllocator<A> {
        CountingAllocator { under }
    }
}

// SAFETY: every call goes to the allocator under it with the arguments it came with; counting
// neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    // SAFETY: the caller keeps the promises of `alloc`, as the trait has it.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !counters::allocated(0, layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: passed on as it came; the caller keeps the promises of `alloc`.
        let start = unsafe { self.under.alloc(layout) };
        counted_if_given(start, 0, layout.size())
    }

    // SAFETY: the caller keeps the promises of `alloc_zeroed`, as the trait has it.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !counters::allocated(0, layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: passed on as it came; the caller keeps the promises of `alloc_zeroed`.
        let start = unsafe { self.under.alloc_zeroed(layout) };
        counted_if_given(start, 0, layout.size())
    }

    // SAFETY: the caller keeps the promises of `dealloc`, as the trait has it.
    #[inline]
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        counters::freed(layout.size());
        // SAFETY: passed on as it came; the caller keeps the promises of `dealloc`.
        unsafe { self.under.dealloc(start, layout) }
    }

    // SAFETY: the caller keeps the promises of `realloc`, as the trait has it.
    #[inline]
    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !counters::allocated(layout.size(), size) {
            return std::ptr::null_mut();
        }
        // SAFETY: passed on as it came; the caller keeps the promises of `realloc`.
        let start = unsafe { self.under.realloc(start, layout, size) };
        counted_if_given(start, layout.size(), size)
    }
}

/// Takes back the counting of an allocation that came to nothing.
#[inline]
fn counted_if_given(start: *mut u8, old: usize, new: usize) -> *mut u8 {
    if start.is_null() {
        counters::not_given(old, new);
    }
    start
}
