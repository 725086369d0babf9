//! Making room: what a table looks into is brought back from disk, and what is cold goes there.
//!
//! An operation brings back what it is going to look into, and pins that; if it then finds no memory, it
//! has changed nothing: some segments go to disk, and it begins anew. So it comes to its end when what it
//! needs at once fits into memory: the bucket of a key with its overflow, or the segments of the log with
//! the entries of its hash.

use brisk_memory::HeldIndex;

use super::{Body, KeyTable};
use crate::{
    Key, Record,
    state::{
        StateError, Supply,
        table::{log::Location, segments::Segments, slots::Located},
    },
};

/// Has one segment in memory, for as long as it is pinned.
fn pin_here(
    (segments, at): (&mut Segments, HeldIndex),
    head: Option<HeldIndex>,
    supply: &mut Supply,
) -> Result<(), StateError> {
    while segments.is_away(at) {
        match segments.bring_back(at, supply) {
            Ok(()) => {}
            Err(error) => evict(segments, head, (supply, error))?,
        }
    }
    segments.pin(at);
    Ok(())
}

/// After `error`: has cold segments go to disk.
fn evict(
    segments: &mut Segments,
    head: Option<HeldIndex>,
    (supply, error): (&mut Supply, StateError),
) -> Result<(), StateError> {
    let StateError::OutOfMemory { .. } = error else { return Err(error) };
    if segments.evict(head)? > 0 || supply.last_resort() {
        return Ok(());
    }
    Err(error)
}

impl<K: Key, V: Record> KeyTable<K, V> {
    /// Brings back, and pins, all that the search for `hash` may look into.
    #[cold]
    #[inline(never)]
    pub(super) fn bring_back(&mut self, hash: u32) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        match body {
            Body::Slots(index) => {
                index.segments.unpin();
                let chain: Vec<HeldIndex> = index.chain(index.bucket(hash)).collect();
                for link in chain {
                    pin_here((&mut index.segments, link), None, supply)?;
                }
            }
            Body::Logged(index, log) => {
                log.segments.unpin();
                let mut same_hash = Vec::new();
                index.find(hash, |slot| {
                    let (found, at) = Located::read(slot);
                    same_hash.extend((found == hash).then_some(at));
                    false
                });
                for at in same_hash {
                    self.bring_back_entry(at)?;
                }
            }
        }
        self.look_for_spilled();
        Ok(())
    }

    /// Brings back, and pins, an entry of the log.
    pub(super) fn bring_back_entry(&mut self, at: Location) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        let Body::Logged(_, log) = body else { unreachable!("the types decide") };
        let head = log.head();
        let segment = log.segment_of(at);
        pin_here((&mut log.segments, segment), head, supply)?;
        for part in log.parts_of(at) {
            pin_here((&mut log.segments, part), head, supply)?;
        }
        Ok(())
    }

    /// Brings back, and pins, a segment of the log.
    pub(super) fn bring_back_data(&mut self, at: HeldIndex) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        let Body::Logged(_, log) = body else { unreachable!("the types decide") };
        let head = log.head();
        pin_here((&mut log.segments, at), head, supply)
    }

    /// Brings back a bucket, and pins it alone.
    pub(super) fn bring_back_bucket(&mut self, bucket: HeldIndex) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        let Body::Slots(index) = body else { return Ok(()) };
        index.segments.unpin();
        pin_here((&mut index.segments, bucket), None, supply)
    }

    /// What is pinned may go.
    pub(super) fn unpin(&mut self) {
        match &mut self.body {
            Body::Slots(index) => index.segments.unpin(),
            Body::Logged(_, log) => log.segments.unpin(),
        }
    }

    /// After `error` of an operation on a key with this hash: has cold segments go to disk, and brings
    /// back what the operation needs, so that it can be tried again.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, hash: u32, error: StateError) -> Result<(), StateError> {
        self.evict(error)?;
        self.bring_back(hash)
    }

    /// The same for a segment of the log that is in memory.
    #[cold]
    pub(super) fn make_room_beside(
        &mut self,
        at: Location,
        error: StateError,
    ) -> Result<(), StateError> {
        if let Body::Logged(_, log) = &mut self.body {
            let segment = log.segment_of(at);
            log.segments.pin(segment);
        }
        self.evict(error)
    }

    fn evict(&mut self, error: StateError) -> Result<(), StateError> {
        let Self { body, supply, .. } = self;
        match body {
            Body::Slots(index) => evict(&mut index.segments, None, (supply, error))?,
            Body::Logged(_, log) => {
                let head = log.head();
                evict(&mut log.segments, head, (supply, error))?;
            }
        }
        self.look_for_spilled();
        Ok(())
    }

    /// Has some segments go to disk for others that have their memory from the same supply; whether any
    /// did.
    ///
    /// # Errors
    /// If they can't be written.
    pub(in crate::state) fn spill_some(&mut self) -> Result<bool, StateError> {
        self.unpin();
        let gone = match &mut self.body {
            Body::Slots(index) => index.segments.evict(None)?,
            Body::Logged(_, log) => {
                let head = log.head();
                log.segments.evict(head)?
            }
        };
        self.look_for_spilled();
        Ok(gone > 0)
    }

    pub(super) fn look_for_spilled(&mut self) {
        self.is_spilling = match &self.body {
            Body::Slots(index) => index.segments.away() > 0,
            Body::Logged(_, log) => log.segments.away() > 0,
        };
    }
}
