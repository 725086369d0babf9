//! Owners of heap memory, and the scopes in which threads work for them.

use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::budget::TopHolders;
use crate::heap::counters::{self, OWNERS_MAX, OwnerPlace};

/// Names by place; the first place is nobody's.
static NAMES: Mutex<Vec<Option<String>>> = Mutex::new(Vec::new());

fn names() -> MutexGuard<'static, Vec<Option<String>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names an owner. May outlive it; then it names nobody, or who has taken its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeapOwnerId(OwnerPlace);

/// Somebody who allocates and has a name: a task, as a rule. Ends with its drop; what it has not
/// freed by then counts for nobody in particular.
#[derive(Debug)]
pub struct HeapOwner {
    place: OwnerPlace,
}

impl HeapOwner {
    /// A new owner. When there are too many to tell apart (4,095) it counts for nobody.
    pub fn register(name: impl Into<String>) -> HeapOwner {
        let name = name.into();
        let mut names = names();
        if names.is_empty() {
            names.push(None);
        }
        let unused = names.iter().skip(1).position(Option::is_none).map(|at| at + 1);
        let place = unused.unwrap_or(names.len());
        if place >= OWNERS_MAX {
            return HeapOwner { place: OwnerPlace::NOBODY };
        }
        if place == names.len() {
            names.push(None);
        }
        names[place] = Some(name);
        HeapOwner { place: OwnerPlace(u16::try_from(place).expect("below OWNERS_MAX")) }
    }

    /// Its name for scopes.
    pub fn id(&self) -> HeapOwnerId {
        HeapOwnerId(self.place)
    }

    /// Bytes that it has allocated and not freed, as far as threads have handed on their counts.
    pub fn bytes(&self) -> u64 {
        u64::try_from(counters::balance(self.place)).unwrap_or(0)
    }
}

impl Drop for HeapOwner {
    fn drop(&mut self) {
        if self.place != OwnerPlace::NOBODY {
            // Before the place can be taken by another.
            counters::disown(self.place);
            let mut names = names();
            let name = names[usize::from(self.place.0)].take();
            assert!(name.is_some(), "an owner is registered until it ends");
        }
    }
}

/// While it lives, what this thread allocates counts for its owner. Scopes nest; they end in the
/// reverse order of their beginning.
#[derive(Debug)]
pub struct Scope {
    before: OwnerPlace,
    inside: OwnerPlace,
    /// Bound to its thread.
    _thread: PhantomData<*const ()>,
}

impl Scope {
    /// Begins to work for `owner`.
    pub fn enter(owner: HeapOwnerId) -> Scope {
        let before = counters::change_owner(owner.0);
        Scope { before, inside: owner.0, _thread: PhantomData }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let inside = counters::change_owner(self.before);
        assert_eq!(inside, self.inside, "scopes end in the reverse order of their beginning");
    }
}

/// Who holds the heap, the largest first. What nobody in particular holds is `unattributed`.
pub fn holders() -> TopHolders {
    let names = names();
    let held = |at: usize, name: &str| {
        let place = OwnerPlace(u16::try_from(at).expect("below OWNERS_MAX"));
        let bytes = u64::try_from(counters::balance(place)).unwrap_or(0);
        (bytes > 0).then(|| (name.to_owned(), bytes))
    };
    let named = names.iter().enumerate().filter_map(|(at, name)| held(at, name.as_deref()?));
    held(0, "unattributed").into_iter().chain(named).collect()
}
