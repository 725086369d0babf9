//! Completed checkpoints that are kept, and who refers to which shared file.
//!
//! A file in `shared` is named by one checkpoint or several. It is removed when the last of them is
//! dropped. Pending checkpoints count: their acknowledgements name files before they complete. A
//! checkpoint that a pending one is based on is dropped only after that one has ended, since its
//! tasks may still name any file of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{CheckpointTarget, Discarded};
use crate::checkpoint::CheckpointId;
use crate::checkpoint::handle::{CompletedCheckpoint, Place, StatePath};

/// A completed checkpoint and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    pub(super) checkpoint: Arc<CompletedCheckpoint>,
    pub(super) location: String,
    pub(super) ownership: Ownership,
}

/// Who may remove a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Ownership {
    /// This job: it wrote it.
    Own,
    /// This job: it was restored from it and claimed it. Its files are in folders of its own.
    Claimed,
    /// Somebody else.
    Foreign,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Retained {
    most: usize,
    /// Oldest first.
    kept: Vec<Kept>,
    /// Subsumed, but a pending checkpoint is based on them.
    doomed: Vec<Kept>,
    shared: SharedFiles,
}

impl Retained {
    pub(super) fn new(most: usize) -> Retained {
        assert!(most >= 1, "the last checkpoint is kept");
        Retained { most, kept: Vec::new(), doomed: Vec::new(), shared: SharedFiles::default() }
    }

    pub(super) fn latest(&self) -> Option<&Kept> {
        self.kept.last()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    pub(super) fn find(&self, id: CheckpointId) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.checkpoint.id == id)
    }

    pub(super) fn shared_mut(&mut self) -> &mut SharedFiles {
        &mut self.shared
    }

    /// Adds a newer checkpoint and subsumes the oldest. Checkpoints complete in the order of their
    /// numbers, since a completed one subsumes what is pending before it; a savepoint that the job
    /// stops with may be overtaken.
    pub(super) fn add(&mut self, kept: Kept) {
        let id = kept.checkpoint.id;
        let place = self.kept.partition_point(|other| other.checkpoint.id < id);
        self.kept.insert(place, kept);
        while self.kept.len() > self.most {
            let oldest = self.kept.remove(0);
            self.doomed.push(oldest);
        }
    }

    /// Everything goes.
    pub(super) fn drop_all(&mut self) {
        self.doomed.append(&mut self.kept);
    }

    /// What of the subsumed can be removed now. `bases` are those that pending ones are based on.
    pub(super) fn release(&mut self, bases: &BTreeSet<CheckpointId>) -> Vec<Discarded> {
        let doomed = std::mem::take(&mut self.doomed);
        let mut discarded = Vec::new();
        for kept in doomed {
            if bases.contains(&kept.checkpoint.id) {
                self.doomed.push(kept);
            } else {
                discarded.extend(self.discard(&kept));
            }
        }
        discarded
    }

    fn discard(&mut self, kept: &Kept) -> Option<Discarded> {
        let checkpoint = &kept.checkpoint;
        let named = checkpoint.files(Place::Shared);
        let (target, shared) = match kept.ownership {
            Ownership::Foreign => {
                self.shared.release(checkpoint.id, &named);
                return None;
            }
            Ownership::Claimed => (CheckpointTarget::Folder(kept.location.clone()), named),
            Ownership::Own => {
                (CheckpointTarget::Checkpoint, self.shared.release(checkpoint.id, &named))
            }
        };
        let own = checkpoint.files(Place::Checkpoint);
        Some(Discarded { id: checkpoint.id, target, whole: true, own, shared })
    }

    /// Checks what the module promises.
    pub(super) fn verify_invariants(&self) {
        assert!(self.kept.len() <= self.most, "no more than {} are kept", self.most);
        assert!(self.kept.is_sorted_by_key(|kept| kept.checkpoint.id), "oldest first");
        for kept in self.kept.iter().filter(|kept| kept.ownership == Ownership::Own) {
            for file in kept.checkpoint.files(Place::Shared) {
                assert!(
                    self.shared.is_named_by(&file, kept.checkpoint.id),
                    "{file} belongs to checkpoint {}",
                    kept.checkpoint.id
                );
            }
        }
    }
}

/// Which checkpoints, pending or completed, name which shared file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct SharedFiles {
    named_by: BTreeMap<StatePath, BTreeSet<CheckpointId>>,
}

impl SharedFiles {
    pub(super) fn name(&mut self, id: CheckpointId, files: &[StatePath]) {
        for file in files {
            self.named_by.entry(file.clone()).or_default().insert(id);
        }
    }

    /// This checkpoint names them no more. Gives those that nobody names now, unknown ones included.
    pub(super) fn release(&mut self, id: CheckpointId, files: &[StatePath]) -> Vec<StatePath> {
        let mut free = Vec::new();
        for file in files {
            let named = self.named_by.get_mut(file);
            let unnamed = named.is_none_or(|ids| {
                ids.remove(&id);
                ids.is_empty()
            });
            if unnamed {
                self.named_by.remove(file);
                free.push(file.clone());
            }
        }
        free
    }

    /// Those that nobody names.
    pub(super) fn unnamed(&self, files: &[StatePath]) -> Vec<StatePath> {
        files.iter().filter(|file| !self.named_by.contains_key(*file)).cloned().collect()
    }

    pub(super) fn is_named_by(&self, file: &StatePath, id: CheckpointId) -> bool {
        self.named_by.get(file).is_some_and(|ids| ids.contains(&id))
    }
}
