//! What a table leaves behind when it is dropped.

use brisk_memory::Holding;
use std::rc::Weak;

use super::{Body, KeyTable};
use crate::{
    Key, Record,
    state::{supply::GivesWay, table::image::TablePart},
};

/// The segments of a table that nobody uses any more.
pub(in crate::state) struct Legacy {
    /// All of them, those of the index before those of the log, by number.
    pub(in crate::state) parts: Vec<TablePart>,
    pub(in crate::state) index: Holding,
    pub(in crate::state) log: Option<Holding>,
}

/// Who gets them, and how they are taken out.
pub(super) struct Will<K, V> {
    heir: Box<dyn FnOnce(Legacy)>,
    draw: fn(&mut KeyTable<K, V>) -> Legacy,
}

impl<K: Key, V: Record> KeyTable<K, V> {
    /// What is done with its segments when it is dropped; if a panic drops it, or a part
    /// of it is on disk, nothing is.
    pub(in crate::state) fn leave_to(&mut self, heir: impl FnOnce(Legacy) + 'static) {
        self.will = Some(Will { heir: Box::new(heir), draw: Self::legacy });
    }

    fn legacy(&mut self) -> Legacy {
        let mut parts = Vec::new();
        self.list_parts(&mut parts);
        let (index, log) = match &mut self.body {
            Body::Slots(index) => (index.take_segments(), None),
            Body::Logged(index, log) => (index.take_segments(), Some(log.take_segments())),
        };
        Legacy { parts, index, log }
    }

    /// Segments are kept there that it can have when there are no others.
    pub(in crate::state) fn takes_from(&mut self, kept: Weak<dyn GivesWay>) {
        self.supply.takes_from(kept);
    }
}

impl<K, V> Drop for KeyTable<K, V> {
    fn drop(&mut self) {
        if let Some(Will { heir, draw }) = self.will.take()
            && !self.is_spilling
            && !std::thread::panicking()
        {
            heir(draw(self));
        }
    }
}
