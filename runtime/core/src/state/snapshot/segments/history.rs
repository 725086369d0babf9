//! What earlier checkpoints of a table have of it.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use super::{FILES_MAX, contents::StoredPart};
use crate::{
    checkpoint::{CheckpointId, handle::StatePath, storage::segments::StoredSegment},
    state::table::{TablePart, Version},
};

/// Checkpoints that are remembered besides the one that others are based on; of any other the next
/// one is whole.
const REMEMBERED_MAX: usize = 4;

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

/// The checkpoints of one table that further ones may be based on. Clones are the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct History(Rc<RefCell<VecDeque<Remembered>>>);

/// What a checkpoint is to write, and what it has already.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) frozen: Version,
    /// The files it goes on using.
    pub(super) files: Vec<SegmentFile>,
    /// By part of the table: where it is already.
    pub(super) kept: Vec<Option<(u32, StoredSegment)>>,
}

impl History {
    /// Begins a checkpoint of a table of these parts, which is about to be frozen at `frozen`.
    pub(super) fn begin(
        &self,
        base: Option<CheckpointId>,
        frozen: Version,
        parts: &[TablePart],
    ) -> Plan {
        let mut past = self.0.borrow_mut();
        // Bases only grow, so nobody asks for an older one.
        past.retain(|known| base.is_none_or(|base| known.id >= base));
        let known = past.iter().find(|known| Some(known.id) == base);
        let mut plan = Plan { frozen, files: Vec::new(), kept: vec![None; parts.len()] };
        if let Some(known) = known {
            plan.files = known.files.clone();
            plan.keep(known, parts);
            plan.leave_files();
        }
        plan
    }

    /// Remembers a checkpoint that is written, should it become one that others are based on.
    pub(super) fn written(&self, remembered: Remembered) {
        let mut past = self.0.borrow_mut();
        past.push_back(remembered);
        if past.len() > REMEMBERED_MAX {
            // The first is the base of those under way.
            past.remove(1);
        }
    }
}

impl Plan {
    /// Finds what has not changed. Both are ordered alike.
    fn keep(&mut self, known: &Remembered, parts: &[TablePart]) {
        let order = |is_bucket: bool, number: u32| (!is_bucket, number);
        let mut stored = known.parts.iter().peekable();
        self.files.iter_mut().for_each(|file| file.live = 0);
        for (part, kept) in parts.iter().zip(&mut self.kept) {
            let own = order(part.kind.is_bucket(), part.number);
            let is_before =
                |stored: &&StoredPart| order(stored.kind.is_bucket(), stored.number) < own;
            while stored.next_if(is_before).is_some() {}
            let found =
                stored.peek().filter(|stored| order(stored.kind.is_bucket(), stored.number) == own);
            if let Some(found) = found
                && part.changed <= known.frozen
            {
                *kept = Some((found.file, found.at));
                self.files[found.file as usize].live += 1;
            }
        }
    }

    /// Stops using files of which little is in use, and those with the least when there are many.
    fn leave_files(&mut self) {
        let mut by_use: Vec<usize> = (0..self.files.len()).collect();
        by_use.sort_by_key(|file| std::cmp::Reverse(self.files[*file].live));
        let is_left = |(rank, file): (usize, &usize)| {
            let SegmentFile { live, written, .. } = self.files[*file];
            let many = self.files.len() > FILES_MAX && rank >= FILES_MAX / 2;
            (many || live * 2 < written || live == 0).then_some(*file)
        };
        let left: Vec<usize> = by_use.iter().enumerate().filter_map(is_left).collect();
        let mut number = 0;
        let numbers: Vec<Option<u32>> = (0..self.files.len())
            .map(|file| {
                let stays = !left.contains(&file);
                number += u32::from(stays);
                stays.then(|| number - 1)
            })
            .collect();
        for kept in &mut self.kept {
            *kept = kept.and_then(|(file, at)| Some((numbers[file as usize]?, at)));
        }
        let mut file = 0;
        self.files.retain(|_| {
            file += 1;
            numbers[file - 1].is_some()
        });
    }
}
