//! A table for whoever writes it segment by segment.

use brisk_memory::HeldIndex;

use super::{Body, KeyTable};
use crate::{
    Key, Record,
    state::{
        StateError,
        table::{
            Version,
            bucket::Slot,
            changes::{ChangeLog, Chunk},
            frozen::SpilledTable,
            image::{Image, TablePart},
            slots::{Located, Pair},
        },
    },
};

impl<K: Key, V: Record> KeyTable<K, V> {
    /// The version that the next freeze ends.
    pub(in crate::state) fn version(&self) -> Version {
        match &self.body {
            Body::Slots(index) => index.version(),
            Body::Logged(index, _) => index.version(),
        }
    }

    /// Lists all segments, those of the index before those of the log, by number.
    pub(in crate::state) fn list_parts(&self, parts: &mut Vec<TablePart>) {
        parts.clear();
        match &self.body {
            Body::Slots(index) => parts.extend(index.parts()),
            Body::Logged(index, log) => {
                parts.reserve(index.segments.len() + log.segments.len());
                parts.extend(index.parts());
                parts.extend(log.table_parts());
            }
        }
    }

    /// Ends the log of changes before the table is frozen: the changes since it was frozen at `base`, if
    /// all of them are there.
    pub(in crate::state) fn cut_changes(&mut self, base: Option<Version>) -> Option<Vec<Chunk>> {
        let version = self.version();
        self.changes().cut(base, version)
    }

    /// Logs changes from the freeze on that ends this version.
    pub(in crate::state) fn log_changes(&mut self) {
        let version = self.version();
        self.changes().begin(version);
    }

    fn changes(&mut self) -> &mut ChangeLog {
        match &mut self.body {
            Body::Slots(index) => &mut index.changes,
            Body::Logged(_, log) => &mut log.changes,
        }
    }

    /// Freezes the table, to write those of `parts`, which are all there are, whose places `wanted` names
    /// in order, and so many `chunks` of its changes. Touches no segment.
    pub(in crate::state) fn freeze_image(
        &mut self,
        (parts, wanted): (&[TablePart], &[u32]),
        chunks: usize,
    ) -> Image {
        let Self { body, supply, .. } = self;
        let is_bucket = |at: &u32| parts[*at as usize].kind.is_bucket();
        let (buckets, entries) = wanted.split_at(wanted.partition_point(is_bucket));
        let numbers = |of: &[u32]| -> Vec<HeldIndex> {
            of.iter().map(|at| HeldIndex(parts[*at as usize].number)).collect()
        };
        let image = match body {
            Body::Slots(index) => Image::new(index.freeze_parts(numbers(buckets)), None),
            Body::Logged(index, log) => Image::new(
                index.freeze_parts(numbers(buckets)),
                Some(log.freeze_parts(numbers(entries))),
            ),
        };
        image.claims().for_each(|claims| supply.lend_to(claims, chunks));
        image
    }

    /// Whether to change all of it while it is shared takes more memory than there may be, and disk is to be
    /// had: what is shared can't go there.
    pub(in crate::state::table) fn has_no_room_for_a_copy(&self) -> bool {
        let quota = self.supply.quota().bytes(self.supply.segment_size());
        self.supply.spill().is_some() && self.bytes() * 2 > quota
    }

    /// Freezes the table by writing to disk what is not there.
    pub(in crate::state::table) fn freeze_on_disk(&mut self) -> Result<SpilledTable, StateError> {
        let entry_bytes = self.live_bytes() / self.len().max(1);
        let Self { body, supply, .. } = self;
        let spill = supply.spill().expect("there is where to spill to").clone();
        let mut log_copies = Vec::new();
        let buckets = match body {
            Body::Slots(index) => index.freeze_on_disk()?,
            Body::Logged(index, log) => {
                for (at, copy) in log.freeze_on_disk()? {
                    log_copies.resize(at.0 as usize, None);
                    log_copies.push(Some(copy));
                }
                index.freeze_on_disk()?
            }
        };
        Ok(SpilledTable { spill, buckets: buckets.into(), log: log_copies, entry_bytes })
    }

    /// Bytes of keys and values and of what they are found by, about.
    pub(in crate::state) fn live_bytes(&self) -> usize {
        match &self.body {
            Body::Slots(index) => index.len() * Pair::<K, V>::BYTES,
            Body::Logged(index, log) => index.len() * Located::BYTES + log.live_bytes(),
        }
    }

    /// The size of its segments.
    pub(in crate::state) fn segment_bytes(&self) -> usize {
        self.supply.segment_size().bytes()
    }
}
