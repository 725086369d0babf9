//! Which tasks of a worker have something to do.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

/// The tasks of one worker that are ready to run, each at most once.
#[derive(Debug, Default)]
pub struct ReadyList {
    queue: RefCell<VecDeque<Rc<Signal>>>,
}

impl ReadyList {
    /// An empty list.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// A signal that puts `key` on this list.
    pub fn signal(self: &Rc<Self>, key: u64) -> Rc<Signal> {
        Rc::new(Signal { key, queued: Cell::new(false), list: Rc::clone(self) })
    }

    /// The task that has been ready for longest.
    pub fn next(&self) -> Option<u64> {
        let signal = self.queue.borrow_mut().pop_front()?;
        assert!(signal.queued.replace(false), "a signal on the list is queued");
        Some(signal.key)
    }

    /// Tasks on the list.
    pub fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// True when no task is ready.
    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}

/// Makes one task ready.
#[derive(Debug)]
pub struct Signal {
    key: u64,
    queued: Cell<bool>,
    list: Rc<ReadyList>,
}

impl Signal {
    /// Puts the task on its worker's list, unless it is there.
    #[inline]
    pub fn raise(self: &Rc<Self>) {
        if !self.queued.replace(true) {
            self.list.queue.borrow_mut().push_back(Rc::clone(self));
        }
    }
}
