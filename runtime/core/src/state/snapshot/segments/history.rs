//! What earlier checkpoints of a table have of it.

use std::{cell::RefCell, collections::VecDeque, mem, rc::Rc};

use super::{
    FILES_MAX,
    ages::Ages,
    contents::StoredPart,
    plan::{Cut, Kept, Plan},
};
use crate::{
    checkpoint::{CheckpointId, handle::StatePath},
    state::table::{TablePart, Version},
};

/// Checkpoints that are remembered besides the one that others are based on; of any other the next
/// one is whole.
const REMEMBERED_MAX: usize = 4;

/// Files may have so many times what a table with a log has.
const LOGGED_SPACE_MAX: usize = 4;

/// A file that has segments of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentFile {
    pub(super) path: StatePath,
    /// Where those of this table begin in it, and where they end.
    pub(super) begin: u64,
    pub(super) end: u64,
    /// How many there were, and how many there are still.
    pub(super) written: usize,
    pub(super) live: usize,
    /// Of the checksums of all, in their order.
    pub(super) checksum: u32,
}

/// One checkpoint's segments.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub(super) id: CheckpointId,
    /// What had changed in this version or before is in it.
    pub(super) frozen: Version,
    pub(super) files: Vec<SegmentFile>,
    pub(super) parts: Vec<StoredPart>,
}

/// Lists as long as a table that the next checkpoint can use again: to touch as much new memory would take
/// longer than to fill them, while records wait.
#[derive(Default, Debug)]
pub(super) struct Lists {
    pub(super) parts: Vec<TablePart>,
    pub(super) kept: Vec<Option<Kept>>,
    pub(super) stored: Vec<StoredPart>,
    pub(super) ages: Ages,
}

#[derive(Default, Debug)]
pub(super) struct Past {
    pub(super) checkpoints: VecDeque<Remembered>,
    lists: Lists,
}

/// The checkpoints of one table that further ones may be based on. Clones are the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct History(pub(super) Rc<RefCell<Past>>);

impl History {
    /// When the table was frozen for a checkpoint, if that is remembered.
    pub(super) fn frozen(&self, base: Option<CheckpointId>) -> Option<Version> {
        let past = self.0.borrow();
        past.checkpoints.iter().find(|known| Some(known.id) == base).map(|known| known.frozen)
    }

    /// Begins a checkpoint of a table that is about to be frozen.
    pub(super) fn begin(&self, base: Option<CheckpointId>, cut: Cut<'_>) -> Plan {
        let Past { checkpoints, lists } = &mut *self.0.borrow_mut();
        // Bases only grow, so nobody asks for an older one.
        checkpoints.retain_mut(|known| {
            let stays = base.is_none_or(|base| known.id >= base);
            if !stays {
                lists.stored = mem::take(&mut known.parts);
            }
            stays
        });
        let known = checkpoints.iter().find(|known| Some(known.id) == base);
        match known {
            Some(known) => Plan::based_on(known, cut),
            None => Plan::whole(cut),
        }
    }

    /// Remembers a checkpoint that is written, should it become one that others are based on.
    pub(super) fn written(&self, remembered: Remembered) {
        let past = &mut self.0.borrow_mut().checkpoints;
        past.push_back(remembered);
        if past.len() > REMEMBERED_MAX {
            // The first is the base of those under way.
            past.remove(1);
        }
    }

    /// Lists with anything in them, if there are any.
    pub(super) fn lists(&self) -> Lists {
        mem::take(&mut self.0.borrow_mut().lists)
    }

    /// Lists that are not needed any more.
    pub(super) fn give_back(&self, parts: Vec<TablePart>, plan: &mut Plan) {
        let lists = &mut self.0.borrow_mut().lists;
        (lists.parts, lists.kept) = (parts, mem::take(&mut plan.kept));
        lists.ages = mem::take(&mut plan.ages);
    }
}

impl Plan {
    /// Stops using files of which little is in use, and those with the least when there are many. A log
    /// can't be written anew, so files with one stay. And where there is one, old files become empty by
    /// themselves in time: to write half of the state at once is worth it only if it doesn't come to that.
    pub(super) fn leave_files(&mut self, parts: &[TablePart]) {
        let written: usize = self.files.iter().map(|file| file.written).sum();
        let has_none = self.changes.is_empty() && self.chunks.is_empty();
        let is_wasteful = has_none || written > LOGGED_SPACE_MAX * self.kept.len();
        let mut has_log = vec![false; self.files.len()];
        self.changes.iter().for_each(|part| has_log[part.file as usize] = true);
        let mut by_use: Vec<usize> = (0..self.files.len()).collect();
        by_use.sort_by_key(|file| std::cmp::Reverse(self.files[*file].live));
        let is_left = |(rank, file): (usize, &usize)| {
            let SegmentFile { live, written, .. } = self.files[*file];
            let many = self.files.len() > FILES_MAX && rank >= FILES_MAX / 2;
            let is_sparse = is_wasteful && live * 2 < written;
            let left = live == 0 || (many || is_sparse) && !has_log[*file];
            left.then_some(*file)
        };
        let left: Vec<usize> = by_use.iter().enumerate().filter_map(is_left).collect();
        self.leave(parts, &left);
    }
}
