//! The stack on which the segments of one pool come home, from any thread.
//!
//! One 64-bit word is the whole protocol, so every step is one compare-and-swap and no two words
//! can be seen out of step:
//!
//! ```text
//! bits  0..32  top      the segment that came home last: local number plus one, 0 for none
//! bit      32  waiting  the owner found nothing and wants its waker rung; only while top is none
//! bit      33  surplus  the pool has drawn more than its quota: segments go to the region instead
//! bits 34..64  tag      counts removals, so that a top seen before one is not taken for current
//! ```
//!
//! Removals: by the owner, and by the region under its lock when it reclaims a surplus. Removing
//! reads the links below the top, which may change under way; then the tag has changed as well and
//! the swap fails. Additions: from any thread that drops a last handle.
//!
//! Orderings: an addition is a Release that the Acquire of a removal pairs with; it carries all
//! uses of the bytes. Every other change is a read-modify-write too, so it continues the release
//! sequence of the additions before it and may itself be Relaxed. Data plane, no lock.

use crate::arena::{Local, Slot, SlotsRef};
use crate::sync::{AtomicU64, Ordering};

const WAITING: u64 = 1 << 32;
const SURPLUS: u64 = 1 << 33;
const TAG_STEP: u64 = 1 << 34;
const LINK_MASK: u64 = u32::MAX as u64;

/// One value of the word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(u64);

impl Word {
    fn top(self) -> Option<Local> {
        Local::unpack((self.0 & LINK_MASK) as u32)
    }

    /// Whether no segment is here.
    pub(super) fn is_empty(self) -> bool {
        self.0 & LINK_MASK == 0
    }

    /// Whether the owner wants its waker rung.
    pub(super) fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// Whether segments must go to the region.
    pub(super) fn is_surplus(self) -> bool {
        self.0 & SURPLUS != 0
    }

    fn with_top(self, top: Option<Local>) -> Word {
        Word(self.0 & !LINK_MASK | u64::from(Local::pack(top)))
    }

    /// After an addition: whoever waited is about to be woken.
    fn added(self, top: Local) -> Word {
        Word(self.with_top(Some(top)).0 & !WAITING)
    }

    /// After a removal.
    fn removed(self, top: Option<Local>) -> Word {
        Word(self.with_top(top).0.wrapping_add(TAG_STEP))
    }
}

/// Some segments linked from `top` down; the last one's link means nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// The one that came home last.
    pub(super) top: Local,
    /// How many there are, at least one.
    pub(super) len: u32,
}

/// The stack.
pub(super) struct ReturnStack {
    word: AtomicU64,
}

impl ReturnStack {
    /// Without a segment.
    pub(super) fn new() -> ReturnStack {
        ReturnStack { word: AtomicU64::new(0) }
    }

    /// The word now.
    #[inline]
    pub(super) fn look(&self) -> Word {
        // Acquire pairs with the Release in `try_push`: links and bytes of what is on the stack.
        Word(self.word.load(Ordering::Acquire))
    }

    /// Adds `slot` if the word is still `seen`. After a success the caller may touch neither the
    /// pool nor the slot: both may be gone.
    #[inline]
    pub(super) fn try_push(&self, seen: Word, slot: &Slot) -> bool {
        debug_assert!(!seen.is_surplus(), "a surplus goes to the region");
        slot.set_next(seen.top());
        // Release pairs with `look`.
        self.swap(seen, seen.added(slot.local()), Ordering::Release)
    }

    /// Removes up to `max` segments from the top, or says how the empty stack looks.
    #[inline]
    pub(super) fn pop(&self, slots: SlotsRef, max: u32) -> Result<Chain, Word> {
        debug_assert!(max > 0, "a removal of nothing");
        loop {
            let seen = self.look();
            let top = seen.top().ok_or(seen)?;
            let mut len = 1;
            let mut below = slots.get(top).next();
            while let Some(local) = below.filter(|_| len < max) {
                below = slots.get(local).next();
                len += 1;
            }
            // Relaxed: `look` has acquired what is removed; see the module on release sequences.
            if self.swap(seen, seen.removed(below), Ordering::Relaxed) {
                return Ok(Chain { top, len });
            }
        }
    }

    /// How many segments are here. Called by the owner; counts again when the region has reclaimed
    /// some meanwhile.
    pub(super) fn count(&self, slots: SlotsRef) -> u32 {
        loop {
            let seen = self.look();
            let mut len = 0;
            let mut link = seen.top();
            let unchanged = || self.look().0 / TAG_STEP == seen.0 / TAG_STEP;
            while let Some(local) = link.filter(|_| unchanged()) {
                link = slots.get(local).next();
                len += 1;
            }
            if unchanged() {
                return len;
            }
        }
    }

    /// The owner wants to be woken by the next addition. False, and nothing changes, when a segment
    /// is here already.
    pub(super) fn set_waiting(&self) -> bool {
        self.change(|word| word.is_empty().then_some(Word(word.0 | WAITING)))
    }

    /// Ends waiting; true when somebody waited, whom the caller must wake.
    pub(super) fn clear_waiting(&self) -> bool {
        self.change(|word| word.is_waiting().then_some(Word(word.0 & !WAITING)))
    }

    /// Sends what comes from now on to the region; false when the stack is not empty.
    pub(super) fn set_surplus(&self) -> bool {
        self.change(|word| Some(Word(word.0 | SURPLUS)));
        self.look().is_empty()
    }

    /// Lets segments come here again.
    pub(super) fn clear_surplus(&self) {
        self.change(|word| Some(Word(word.0 & !SURPLUS)));
    }

    fn change(&self, next: impl Fn(Word) -> Option<Word>) -> bool {
        loop {
            // Relaxed: a flag carries no data; see the module on release sequences.
            let seen = Word(self.word.load(Ordering::Relaxed));
            let Some(next) = next(seen) else { return false };
            if self.swap(seen, next, Ordering::Relaxed) {
                return true;
            }
        }
    }

    #[inline]
    fn swap(&self, seen: Word, next: Word, success: Ordering) -> bool {
        self.word.compare_exchange_weak(seen.0, next.0, success, Ordering::Relaxed).is_ok()
    }
}
