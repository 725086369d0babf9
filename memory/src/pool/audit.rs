//! Looking at a region under its lock: who has what, and whether it all adds up.
//!
//! Reads only. Linear in the number of segments and pools.

use std::collections::HashMap;
use std::sync::Arc;

use crate::arena::{Slot, Slots};
use crate::pool::PoolShared;
use crate::pool::region::{Drawers, Holder};
use crate::pool::state::{Entry, PoolId, RegionState};
use crate::quantity::SegmentCount;

impl RegionState {
    /// What each pool has.
    pub(super) fn holders(&self, slots: &Slots) -> Vec<Holder> {
        let mut lent = vec![0_u32; self.entries.len()];
        let drawers = self.drawers();
        for slot in slots.iter().filter(|slot| slot.handles() > 0) {
            let by = drawers.get(&slot.pool());
            by.into_iter().for_each(|id| lent[id.0] += 1);
        }
        let holder = |entry: &Entry| Holder {
            owner: entry.owner.clone(),
            segments: SegmentCount(entry.shared.drawn()),
            lent: SegmentCount(lent[entry.shared.id.0]),
        };
        self.entries.iter().flatten().filter(|entry| entry.shared.drawn() > 0).map(holder).collect()
    }

    /// Who has drawn which segment.
    pub(super) fn drawn_segments(&self, slots: &Slots) -> Drawers {
        let owner =
            |entry: &Option<Entry>| entry.as_ref().map_or(String::new(), |e| e.owner.clone());
        let drawers = self.drawers();
        let segment = |slot: &Slot| {
            (slot.data().as_ptr().addr(), drawers.get(&slot.pool()).map(|drawer| drawer.0))
        };
        Drawers {
            owners: self.entries.iter().map(owner).collect(),
            segments: slots.iter().map(segment).collect(),
        }
    }

    fn drawers(&self) -> HashMap<*const PoolShared, PoolId> {
        let entries = self.entries.iter().flatten();
        entries.map(|entry| (Arc::as_ptr(&entry.shared), entry.shared.id)).collect()
    }

    /// Checks everything that the module promises; says what is wrong.
    pub(super) fn verify_invariants(&self, slots: &Slots) -> Result<(), String> {
        let mut free = vec![false; slots.len()];
        for local in self.free.iter(slots) {
            if std::mem::replace(&mut free[local.0 as usize], true) {
                return Err(format!("segment {} is in the free list twice", local.0));
            }
        }
        let (listed, known) = (free.iter().filter(|free| **free).count(), self.free.len());
        check(listed == known as usize, || format!("{listed} free, {known} counted"))?;
        let mut drawn = vec![0_u32; self.entries.len()];
        let drawers = self.drawers();
        for (slot, free) in slots.iter().zip(free) {
            let index = slot.index();
            match drawers.get(&slot.pool()) {
                Some(_) if free => return Err(format!("segment {index} is free and drawn")),
                Some(id) => drawn[id.0] += 1,
                None if !free => return Err(format!("segment {index} is nowhere")),
                None => check(slot.handles() == 0, || format!("segment {index} is free and lent"))?,
            }
        }
        let entries = || self.entries.iter().flatten();
        for entry in entries() {
            let (counted, known) = (drawn[entry.shared.id.0], entry.shared.drawn());
            check(counted == known, || {
                format!("{} has {counted} segments, {known} counted", entry.owner)
            })?;
        }
        let quotas: u32 = entries().map(|entry| entry.shared.quota()).sum();
        check(quotas <= self.total, || format!("quotas of {quotas} of {}", self.total))?;
        let owed: u32 = entries().map(Entry::owed).sum();
        check(owed == self.owed, || format!("{owed} owed, {} counted", self.owed))?;
        let promised: u32 = entries().map(|entry| entry.claim.required).sum();
        check(promised == self.promised, || format!("{promised} promised, {}", self.promised))
    }
}

fn check(holds: bool, finding: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(finding()) }
}
