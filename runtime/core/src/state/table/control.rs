//! Control bytes: one per slot, sixteen compared at once.
//!
//! A slot's byte is the tag of its key, seven bits of its hash, or one of two values with the high
//! bit set. The idea is that of Abseil's SwissTable.
#![expect(unsafe_code, reason = "SSE2 is reached by intrinsics")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m128i;

/// Control bytes that are looked at together.
pub(super) const WINDOW: usize = 16;
/// Never used since the bucket was made: ends a search.
pub(super) const EMPTY: u8 = 0xff;
/// Was used: searches go on behind it.
pub(super) const DELETED: u8 = 0x80;

/// Which of sixteen neighbours something holds for, the first in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hits(u32);

impl Hits {
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn of_high_bits(bytes: __m128i) -> Self {
        // SAFETY: every x86-64 processor has SSE2; this works on registers only.
        Self(unsafe { std::arch::x86_64::_mm_movemask_epi8(bytes) } as u32)
    }

    /// Whether there is one.
    #[inline(always)]
    pub(super) fn found(self) -> bool {
        self.0 != 0
    }

    /// Places before the first.
    #[inline(always)]
    pub(super) fn before_first(self) -> usize {
        (self.0 | 1 << WINDOW).trailing_zeros() as usize
    }

    /// Places behind the last.
    #[inline(always)]
    pub(super) fn behind_last(self) -> usize {
        (self.0 << WINDOW).leading_zeros().min(WINDOW as u32) as usize
    }
}

impl Iterator for Hits {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let at = self.before_first();
        self.0 &= self.0 - 1;
        Some(at)
    }
}

/// Sixteen control bytes.
#[derive(Clone, Copy)]
pub(super) struct Window<'a>(&'a [u8; WINDOW]);

impl<'a> Window<'a> {
    /// Those at `at`.
    #[inline(always)]
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self(bytes[at..at + WINDOW].first_chunk().expect("sixteen bytes were sliced"))
    }

    /// Where `byte` is.
    #[inline(always)]
    pub(super) fn equal(self, byte: u8) -> Hits {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_set1_epi8};
            // SAFETY: every x86-64 processor has SSE2; these work on registers only.
            let equal = unsafe { _mm_cmpeq_epi8(self.load(), _mm_set1_epi8(byte as i8)) };
            Hits::of_high_bits(equal)
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.which(|found| found == byte)
    }

    /// Where no key is.
    #[inline(always)]
    pub(super) fn free(self) -> Hits {
        #[cfg(target_arch = "x86_64")]
        {
            Hits::of_high_bits(self.load())
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.which(|found| found >= DELETED)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn load(self) -> __m128i {
        // SAFETY: sixteen bytes are read from sixteen bytes; they need no alignment.
        unsafe { std::arch::x86_64::_mm_loadu_si128(self.0.as_ptr().cast()) }
    }

    /// What the two above are, byte by byte.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) fn which(self, is: impl Fn(u8) -> bool) -> Hits {
        let hit = |(at, byte): (usize, &u8)| u32::from(is(*byte)) << at;
        Hits(self.0.iter().enumerate().map(hit).sum())
    }
}

#[cfg(test)]
mod tests;
