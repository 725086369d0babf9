//! Hints about memory: to the processor, that some is needed soon; to the kernel,
//! that some is large and read at random. Programs behave the same without them.
#![expect(unsafe_code, reason = "prefetch is an intrinsic, madvise takes an address")]

use std::mem::size_of_val;

/// Begins to load the cache line of `target`'s first byte.
#[inline(always)]
pub(crate) fn prefetch<T>(target: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(target).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}

/// Below this, huge pages spare too little to be worth a system call: two of them.
const HUGE_BYTES_MIN: usize = 4 << 20;
const PAGE: usize = 4096;

/// Asks for huge pages under memory that has not been touched yet, if it is large:
/// random access to 4 KiB pages misses the translation cache nearly each time.
pub(crate) fn advise_huge<T>(untouched: &mut [T]) {
    let length = size_of_val(untouched);
    if length < HUGE_BYTES_MIN {
        return;
    }
    let start = untouched.as_mut_ptr().addr();
    let (first, end) = (start.next_multiple_of(PAGE), (start + length) / PAGE * PAGE);
    let at = untouched.as_mut_ptr().with_addr(first).cast();
    // SAFETY: the range lies inside the borrowed memory, and this advice changes no
    // byte of it.
    let advised =
        unsafe { rustix::mm::madvise(at, end - first, rustix::mm::Advice::LinuxHugepage) };
    // Where the kernel has no huge pages there is nothing to be done about it.
    if let Err(refused) = advised {
        tracing::debug!(%refused, "no huge pages under a table");
    }
}
