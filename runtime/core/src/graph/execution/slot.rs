//! Slots: how many a job needs, and which one each subtask takes.
//!
//! Subtasks of different vertices share a slot when their vertices are of one slot sharing group,
//! so that a slot holds a whole pipeline. A group needs as many slots as its widest vertex has
//! subtasks; groups never share, so a job needs the sum. Subtasks of one index sit together:
//! forward exchanges then stay within a slot.

use std::collections::HashMap;

use crate::graph::job::{JobGraph, VertexIndex};
use crate::graph::key_group::{Parallelism, SubtaskIndex};

/// One of the slots that a job needs, from 0. Which slot of which process it becomes is the
/// scheduler's business.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotIndex(pub u32);

/// Vertices that share slots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotSharingGroup {
    /// Its name.
    pub name: String,
    /// The first of its slots; they are neighbours.
    pub first_slot: SlotIndex,
    /// How many slots it needs: the highest parallelism among its vertices.
    pub slots: Parallelism,
    /// Its vertices in topological order.
    pub vertices: Vec<VertexIndex>,
}

/// Which subtask takes which slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotPlan {
    groups: Vec<SlotSharingGroup>,
    /// By vertex: the first slot of its group.
    first_slots: Vec<SlotIndex>,
    slots: u32,
}

impl SlotPlan {
    /// The plan of a job. Groups come in the order in which the vertices mention them.
    pub fn build(job: &JobGraph) -> SlotPlan {
        let mut groups: Vec<SlotSharingGroup> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, vertex) in job.indexed_vertices() {
            let place = *places.entry(&vertex.slot_sharing_group).or_insert_with(|| {
                groups.push(SlotSharingGroup {
                    name: vertex.slot_sharing_group.clone(),
                    first_slot: SlotIndex(0),
                    slots: Parallelism(0),
                    vertices: Vec::new(),
                });
                groups.len() - 1
            });
            let group = &mut groups[place];
            group.slots = group.slots.max(vertex.parallelism);
            group.vertices.push(index);
        }

        let mut slots = 0_u32;
        let mut first_slots = vec![SlotIndex(0); job.vertices().len()];
        for group in &mut groups {
            group.first_slot = SlotIndex(slots);
            slots = slots.checked_add(group.slots.0).expect("fewer than 2^32 slots");
            for vertex in &group.vertices {
                first_slots[vertex.as_index()] = group.first_slot;
            }
        }
        assert!(slots > 0, "a job has subtasks");
        SlotPlan { groups, first_slots, slots }
    }

    /// How many slots the job needs.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// The slot sharing groups.
    pub fn groups(&self) -> &[SlotSharingGroup] {
        &self.groups
    }

    /// The slot of a subtask.
    pub fn slot(&self, vertex: VertexIndex, index: SubtaskIndex) -> SlotIndex {
        let slot = SlotIndex(self.first_slots[vertex.as_index()].0 + index.0);
        assert!(slot.0 < self.slots, "{index:?} of {vertex:?} has a slot");
        slot
    }
}
