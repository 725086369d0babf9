//! The free list of a region: one stack per NUMA node, linked through the side table.
//!
//! Under the region's lock. Invariant: a segment is on the stack of the node whose run of the
//! region it lies in.

use crate::arena::{Local, NodePlace, Slot, Slots};

/// Segments that no pool has drawn.
pub(super) struct FreeList {
    tops: Vec<Option<Local>>,
    len: u32,
    total: u32,
}

impl FreeList {
    /// All of `slots`, cut into equal runs, one for each of `nodes`.
    pub(super) fn new(slots: &Slots, nodes: usize) -> FreeList {
        assert!(nodes > 0, "memory is on at least one node");
        let mut list = FreeList { tops: vec![None; nodes], len: 0, total: slots.len() as u32 };
        // Backwards, so that the first segments are the first to be drawn.
        (0..list.total).rev().for_each(|local| list.push(slots.get(Local(local))));
        list
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Adds one.
    pub(super) fn push(&mut self, slot: &Slot) {
        let node = node_of(slot.local(), self.total, self.tops.len());
        let top = &mut self.tops[node.0];
        slot.set_next(*top);
        *top = Some(slot.local());
        self.len += 1;
        assert!(self.len <= self.total, "more segments are free than there are");
    }

    /// Removes one, of `near` while that node has any.
    pub(super) fn pop(&mut self, near: NodePlace, slots: &Slots) -> Option<Local> {
        let nodes = self.tops.len();
        let node = (0..nodes).map(|away| (near.0 + away) % nodes).find(|n| self.tops[*n].is_some());
        let local = self.tops[node?].take()?;
        self.tops[node?] = slots.get(local).next();
        self.len -= 1;
        Some(local)
    }

    /// All of them, from the top of each stack down. May go round in circles when links are broken.
    pub(super) fn iter(&self, slots: &Slots) -> impl Iterator<Item = Local> {
        let next = |local: &Local| slots.get(*local).next();
        self.tops.iter().flat_map(move |top| std::iter::successors(*top, next))
    }
}

/// The node whose run holds a segment: `total` segments in `nodes` runs, as equal as can be.
fn node_of(local: Local, total: u32, nodes: usize) -> NodePlace {
    assert!(local.0 < total, "a segment of another region");
    NodePlace((u64::from(local.0) * nodes as u64 / u64::from(total)) as usize)
}

/// The first segment of a node's run, and for one node more the end of the region.
pub(crate) fn run_start(node: usize, total: u32, nodes: usize) -> u32 {
    (u64::from(total) * node as u64).div_ceil(nodes as u64) as u32
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
