//! What somebody wants of a holding's frozen segments.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::HeldIndex;
use crate::arena::SlotRef;
use crate::driver::{AlignedBytes, IoBuffer};
use crate::segment::Buffer;

/// Who looks for it sees whether the wish is met.
enum Claim {
    /// Not wanted, or taken already.
    None,
    /// The holding has it.
    Waits(SlotRef),
    /// The holding has changed it or let go of it since: this is what it was.
    Saved(Buffer),
    /// The same, where there was no segment for it.
    Copied(AlignedBytes),
}

/// The wanted segments of one freeze. Dropping it ends all wishes.
pub struct Claims {
    state: Arc<Mutex<State>>,
    size: usize,
}

/// The same, for whoever meets the wishes.
#[derive(Clone)]
pub struct ClaimsRef(Weak<Mutex<State>>);

struct State {
    /// Of which segments, in order, and as many claims.
    numbers: Vec<HeldIndex>,
    claims: Vec<Claim>,
    /// How many are not `None`.
    open: usize,
    /// Where to look for a saved one.
    saved_from: usize,
    /// There was no segment to copy to.
    is_starved: bool,
}

impl State {
    fn place(&self, index: HeldIndex) -> Option<usize> {
        self.numbers.binary_search(&index).ok()
    }
}

impl Claims {
    pub(super) fn new(numbers: Vec<HeldIndex>, slots: Vec<SlotRef>, size: usize) -> Claims {
        assert!(numbers.is_sorted_by(|one, next| one < next), "they are looked up by number");
        let claims: Vec<Claim> = slots.into_iter().map(Claim::Waits).collect();
        let open = claims.len();
        let state = State { numbers, claims, open, saved_from: 0, is_starved: false };
        Claims { state: Arc::new(Mutex::new(state)), size }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// For whoever meets the wishes, or makes room.
    pub fn downgrade(&self) -> ClaimsRef {
        ClaimsRef(Arc::downgrade(&self.state))
    }

    /// Takes what a segment was, and ends the claim to it; `None` if there is none.
    ///
    /// Where segments are short this is a copy on the heap, so that nobody who wants to change the
    /// segment has to wait for whoever reads it.
    pub fn take(&self, index: HeldIndex) -> Option<IoBuffer> {
        let mut state = self.lock();
        let is_starved = state.is_starved;
        let at = state.place(index)?;
        let claim = std::mem::replace(&mut state.claims[at], Claim::None);
        let taken = match claim {
            Claim::None => return None,
            Claim::Waits(slot) => {
                slot.share();
                IoBuffer::Buffer(Buffer::first(slot, self.size))
            }
            Claim::Saved(buffer) => IoBuffer::Buffer(buffer),
            Claim::Copied(bytes) => IoBuffer::Heap(bytes),
        };
        state.open -= 1;
        Some(match taken {
            IoBuffer::Buffer(buffer) if is_starved => {
                IoBuffer::Heap(AlignedBytes::copy_of(&buffer))
            }
            taken => taken,
        })
    }

    /// Whether there was no segment for a copy: whoever changes segments should rest until these are
    /// taken.
    pub fn is_starved(&self) -> bool {
        let state = self.lock();
        state.is_starved && state.open > 0
    }

    /// From now on nobody who changes segments is to wait for whoever reads them, see
    /// [`Claims::take`].
    pub fn starve(&self) {
        self.lock().is_starved = true;
    }

    /// How many wishes are open.
    pub fn open(&self) -> usize {
        self.lock().open
    }
}

impl ClaimsRef {
    /// As [`Claims::starve`].
    pub fn starve(&self) {
        if let Some(state) = self.0.upgrade() {
            lock(&state).is_starved = true;
        }
    }

    /// Whether a wish is open.
    pub fn is_wanted(&self) -> bool {
        self.0.upgrade().is_some_and(|state| lock(&state).open > 0)
    }

    pub(super) fn is_waiting_for(&self, index: HeldIndex) -> bool {
        let Some(state) = self.0.upgrade() else { return false };
        let state = lock(&state);
        state.place(index).is_some_and(|at| matches!(state.claims[at], Claim::Waits(_)))
    }

    /// A wish is met elsewhere.
    pub(super) fn withdraw(&self, index: HeldIndex) {
        let Some(state) = self.0.upgrade() else { return };
        let mut state = lock(&state);
        if let Some(at) = state.place(index)
            && let Claim::Waits(_) = state.claims[at]
        {
            state.claims[at] = Claim::None;
            state.open -= 1;
        }
    }

    /// The holding lets go of a frozen segment.
    pub(super) fn hand_over(&self, index: HeldIndex, buffer: &Buffer) {
        let Some(state) = self.0.upgrade() else { return };
        let mut state = lock(&state);
        if let Some(at) = state.place(index)
            && let Claim::Waits(_) = state.claims[at]
        {
            state.claims[at] = Claim::Saved(buffer.clone());
            state.saved_from = state.saved_from.min(at);
        }
    }

    /// The holding is about to change a frozen segment and has none for a copy.
    pub(super) fn copy_aside(&self, index: HeldIndex, bytes: &[u8]) {
        let Some(state) = self.0.upgrade() else { return };
        let mut state = lock(&state);
        state.is_starved = true;
        if let Some(at) = state.place(index)
            && let Claim::Waits(_) = state.claims[at]
        {
            state.claims[at] = Claim::Copied(AlignedBytes::copy_of(bytes));
        }
    }

    /// Moves one saved segment to the heap, so that its own is free; false if there is none.
    pub fn set_aside(&self) -> bool {
        let Some(state) = self.0.upgrade() else { return false };
        let mut state = lock(&state);
        let State { claims, saved_from, is_starved, .. } = &mut *state;
        let is_saved = |claim: &Claim| matches!(claim, Claim::Saved(buffer) if buffer.is_unique());
        let found = claims.iter().skip(*saved_from).position(is_saved);
        let Some(found) = found else {
            *saved_from = claims.len();
            return false;
        };
        *is_starved = true;
        *saved_from += found + 1;
        let claim = &mut claims[*saved_from - 1];
        if let Claim::Saved(buffer) = claim {
            *claim = Claim::Copied(AlignedBytes::copy_of(buffer));
        }
        true
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ClaimsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsRef").field("is_wanted", &self.is_wanted()).finish()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("open", &self.open()).finish_non_exhaustive()
    }
}
