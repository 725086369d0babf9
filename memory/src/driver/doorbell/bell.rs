//! The doorbell's word and its steps; see the parent module for the protocol.

use crate::sync::{AtomicU32, Ordering, fence};

/// The worker runs, and has not announced that it wants to sleep.
const AWAKE: u32 = 0;
/// The worker has announced sleep and takes its last look, or spins.
const DROWSY: u32 = 1;
/// The worker blocks, or is about to, without looking again.
const PARKED: u32 = 2;

/// What a ringer found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The worker will look by itself.
    Awake,
    /// The worker was asleep: the ringer must end its blocking call.
    Parked,
}

#[derive(Debug)]
pub(crate) struct Bell {
    word: AtomicU32,
}

impl Bell {
    pub(crate) fn new() -> crossbeam_utils::CachePadded<Bell> {
        Bell { word: AtomicU32::new(AWAKE) }.into()
    }

    /// Any thread.
    #[inline]
    pub(crate) fn ring(&self) -> Heard {
        // Partner: the fence in `announce`. Orders the ringer's item before the load.
        fence(Ordering::SeqCst);
        if self.word.load(Ordering::Relaxed) == AWAKE {
            return Heard::Awake;
        }
        self.ring_sleeper()
    }

    #[cold]
    fn ring_sleeper(&self) -> Heard {
        // Release: partner is the acquire in `announce`, `try_park` and `unpark`; the worker that
        // sees AWAKE also sees the item.
        match self.word.swap(AWAKE, Ordering::AcqRel) {
            PARKED => Heard::Parked,
            _ => Heard::Awake,
        }
    }

    /// Worker, at the start of `park`. True when sleep was announced by an earlier call and nobody
    /// has rung since; false when it is announced now, so that one more look is due.
    pub(crate) fn announce(&self) -> bool {
        let word = self.word.load(Ordering::Acquire);
        assert_ne!(word, PARKED, "only the worker that is awake announces its sleep");
        if word == DROWSY {
            return true;
        }
        self.word.store(DROWSY, Ordering::Relaxed);
        // Partner: the fence in `ring`. Orders the announcement before the last look.
        fence(Ordering::SeqCst);
        false
    }

    /// Worker, while it spins: has somebody rung since the announcement?
    #[inline]
    pub(crate) fn was_rung(&self) -> bool {
        // Acquire: partner is the swap in `ring_sleeper`.
        self.word.load(Ordering::Acquire) == AWAKE
    }

    /// Worker, right before it blocks. False when somebody has rung: don't block.
    pub(crate) fn try_park(&self) -> bool {
        self.word.compare_exchange(DROWSY, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Of a simulation, whose threads are one: does the worker sleep?
    pub(crate) fn is_parked(&self) -> bool {
        self.word.load(Ordering::Relaxed) == PARKED
    }

    /// Worker, after blocking.
    pub(crate) fn unpark(&self) {
        // Acquire: partner is the swap in `ring_sleeper`.
        let word = self.word.swap(AWAKE, Ordering::AcqRel);
        assert_ne!(word, DROWSY, "nobody else announces sleep for a worker");
    }
}
