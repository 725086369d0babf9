//! Managed memory for the state of a task.

use brisk_memory::SegmentCount;
use std::{rc::Rc, sync::Arc};

use super::{super::task_error, BuildContext};
use crate::{
    error::Error,
    graph::NodeId,
    record::{Key, Record},
    state::{
        HashRange, StateError, Supply, SupplyOptions,
        spill::{SpillFigures, SpillOptions},
        table::KeyTable,
    },
};

impl BuildContext {
    /// Managed memory for the state of `node`; no more than `limit` segments if there is one.
    ///
    /// # Errors
    /// If there is not even the least that state needs.
    pub fn supply(&self, node: NodeId, limit: Option<SegmentCount>) -> Result<Supply, Error> {
        self.open_supply(node, limit, None)
    }

    fn open_supply(
        &self,
        node: NodeId,
        limit: Option<SegmentCount>,
        spill: Option<SpillOptions>,
    ) -> Result<Supply, Error> {
        let (operator, plan) = (self.operator_name(node), &self.plan);
        let task = plan.display_name();
        let owner = format!("{}/{task}: state of operator '{operator}'", plan.job);
        let options = SupplyOptions { owner, limit, spill };
        Ok(Supply::open(self.surroundings.arena.managed(), options)?)
    }

    /// Managed memory for the state of `node`, and disk where that ends.
    pub(super) fn spilling_supply(&self, node: NodeId) -> Result<Supply, Error> {
        let surroundings = Rc::clone(&self.surroundings);
        let spill = SpillOptions {
            ground: Arc::clone(&self.plan.spill),
            open_disk: Rc::new(move || (surroundings.open_disk)()),
            figures: Rc::clone(&self.spilled),
        };
        self.open_supply(node, None, Some(spill))
    }

    /// What the task spills.
    pub(crate) fn spilled(&self) -> Rc<SpillFigures> {
        Rc::clone(&self.spilled)
    }

    /// An empty table for the state of `node`, of at most `limit` segments; without a limit what memory has
    /// no room for goes to disk.
    ///
    /// # Errors
    /// If there is no managed memory for it.
    pub fn key_table<K: Key, V: Record>(
        &self,
        node: NodeId,
        range: HashRange,
        limit: Option<SegmentCount>,
    ) -> Result<KeyTable<K, V>, Error> {
        let supply = match limit {
            None => self.spilling_supply(node)?,
            limit => self.supply(node, limit)?,
        };
        let failed = |error: StateError| task_error(&self.plan, node, error.into());
        KeyTable::new(range, supply).map_err(failed)
    }
}
