//! Byte budgets: who may use how many bytes of something, counted by reservations.
//!
//! A [`Budget`] is a number of bytes with a name. A [`Reservation`] is a part of it with an owner's
//! name; it grows, shrinks, and ends with its drop. Nothing is allocated here: the budget counts
//! what others allocate.
//!
//! Invariants: the sum of reservations is what is used, and never exceeds the budget; counting below
//! zero is a bug and panics. Control plane, any thread, one lock. Deliberately absent: waiting. Who
//! is refused spills, retries or fails; segments, which can be waited for, come from pools.

mod holders;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use holders::TopHolders;

use crate::config::MemorySize;
use crate::error::MemoryError;

/// A named number of bytes that owners reserve parts of. A cheap clone.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: u64,
    /// Bytes by owner; an owner without bytes is not in it.
    owners: HashMap<Arc<str>, u64>,
}

impl Budget {
    /// A budget of `bytes`. Errors show the name: say what it is and which key sets it.
    pub fn new(name: impl Into<String>, bytes: u64) -> Budget {
        let state = Mutex::default();
        Budget { shared: Arc::new(Shared { name: name.into(), bytes, state }) }
    }

    /// Reserves `bytes` for `owner`; an error that names the top holders when they are not there.
    pub fn reserve(&self, owner: &str, bytes: u64) -> Result<Reservation, MemoryError> {
        let mut reservation = Reservation { budget: self.clone(), owner: owner.into(), bytes: 0 };
        reservation.resize(bytes)?;
        Ok(reservation)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.shared.bytes
    }

    /// What is reserved.
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// What is not.
    pub fn available(&self) -> u64 {
        self.shared.bytes - self.used()
    }

    /// Owners and their bytes, the largest first.
    pub fn holders(&self) -> TopHolders {
        self.lock().holders()
    }

    /// Checks that what is used is the sum of what owners have. Linear in the number of owners.
    pub fn verify_invariants(&self) {
        let state = self.lock();
        assert_eq!(state.owners.values().sum::<u64>(), state.used, "{} adds up", self.name());
        assert!(state.owners.values().all(|bytes| *bytes > 0), "who has nothing is no holder");
        assert!(state.used <= self.shared.bytes, "{} is overdrawn", self.name());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // After a panic under the lock the state may be wrong; the checks in it decide.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Budget({}, {} of {} bytes used)", self.name(), self.used(), self.total())
    }
}

impl State {
    fn holders(&self) -> TopHolders {
        self.owners.iter().map(|(owner, bytes)| (owner.to_string(), *bytes)).collect()
    }

    fn add(&mut self, owner: &Arc<str>, bytes: u64) {
        self.used += bytes;
        *self.owners.entry(owner.clone()).or_default() += bytes;
    }

    fn remove(&mut self, owner: &Arc<str>, bytes: u64) {
        let used = self.used.checked_sub(bytes);
        self.used = used.expect("a budget does not get back more than it gave");
        let held = self.owners.get_mut(owner).expect("an owner returns what it has");
        let left = held.checked_sub(bytes);
        *held = left.expect("an owner does not return more than it has");
        if *held == 0 {
            self.owners.remove(owner);
        }
    }
}

/// A part of a budget. Its drop gives the bytes back.
pub struct Reservation {
    budget: Budget,
    owner: Arc<str>,
    bytes: u64,
}

impl Reservation {
    /// Makes it `bytes` large. Shrinking always succeeds; on an error it stays as it was.
    pub fn resize(&mut self, bytes: u64) -> Result<(), MemoryError> {
        let mut state = self.budget.lock();
        if let Some(less) = self.bytes.checked_sub(bytes).filter(|less| *less > 0) {
            state.remove(&self.owner, less);
        }
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            let available = self.budget.shared.bytes - state.used;
            if more > available {
                return Err(MemoryError::BudgetExhausted {
                    budget: self.budget.name().to_owned(),
                    owner: self.owner.to_string(),
                    requested: MemorySize::from_bytes(more),
                    available: MemorySize::from_bytes(available),
                    total: MemorySize::from_bytes(self.budget.shared.bytes),
                    holders: state.holders(),
                });
            }
            state.add(&self.owner, more);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// How large it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Who has it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Cuts off `bytes` as a reservation of the same owner. Panics when it has less.
    pub fn split(&mut self, bytes: u64) -> Reservation {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.expect("a part is not larger than the whole");
        Reservation { budget: self.budget.clone(), owner: self.owner.clone(), bytes }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.lock().remove(&self.owner, self.bytes);
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({}, {} bytes of {})", self.owner, self.bytes, self.budget.name())
    }
}
