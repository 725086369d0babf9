//! What a checkpoint wants of segments, some of which are on disk.

use brisk_memory::{
    Claims, HeldIndex,
    driver::{AlignedBytes, IoBuffer},
};
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::{Rc, Weak},
};

use crate::state::{
    StateError,
    spill::{DiskCopy, Spill},
};

/// Copies on disk of what a checkpoint wants, by number.
#[derive(Default, Debug)]
pub(in crate::state::table) struct Copies(RefCell<HashMap<HeldIndex, DiskCopy>>);

impl Copies {
    /// From now on it is to be had here.
    pub(super) fn give(&self, at: HeldIndex, copy: DiskCopy) {
        self.0.borrow_mut().insert(at, copy);
    }
}

/// The segments that are wanted of one freeze.
#[derive(Debug)]
pub(in crate::state::table) struct Wanted {
    claims: Claims,
    copies: Rc<Copies>,
    spill: Option<Spill>,
}

impl Wanted {
    pub(super) fn new(claims: Claims, spill: Option<Spill>) -> Self {
        Self { claims, copies: Rc::default(), spill }
    }

    pub(super) fn copies(&self) -> Shared<'_> {
        Shared(&self.copies)
    }

    /// Those in memory.
    pub(in crate::state::table) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Takes what a segment was; `None` if it is not wanted, or was taken.
    ///
    /// # Errors
    /// If it is on disk and can't be read.
    pub(in crate::state::table) fn take(
        &self,
        at: HeldIndex,
    ) -> Result<Option<IoBuffer>, StateError> {
        if let Some(taken) = self.claims.take(at) {
            return Ok(Some(taken));
        }
        let Some(copy) = self.copies.0.borrow_mut().remove(&at) else { return Ok(None) };
        let Some(spill) = &self.spill else { unreachable!("what has a copy was spilled") };
        let bytes = IoBuffer::Heap(AlignedBytes::zeroed(spill.segment_bytes()));
        Ok(spill.read(vec![(&copy, bytes)])?.pop())
    }

    /// Whether the table should not change until all were taken: there is no memory for copies, and
    /// none on disk.
    pub(in crate::state::table) fn is_starved(&self) -> bool {
        let spills = self.spill.as_ref().is_some_and(Spill::is_in_use);
        !spills && self.claims.is_starved()
    }
}

/// The copies, for whoever has some to give.
pub(super) struct Shared<'a>(&'a Rc<Copies>);

impl Shared<'_> {
    pub(super) fn give(&self, at: HeldIndex, copy: DiskCopy) {
        self.0.give(at, copy);
    }

    pub(super) fn downgrade(&self) -> Weak<Copies> {
        Rc::downgrade(self.0)
    }
}
