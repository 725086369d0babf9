//! [`Slice`]: the accumulators of one slice.

use super::FEW_MAX;
use crate::{
    Key, Record,
    record::{Archived, selector::is_archived},
    state::{
        HashRange, StateError, Supply,
        table::{Change, KeyTable as ManagedTable, Refused},
    },
    time::window::{AskedKey, Content, Fold, HeapTable, KeyTable, SliceNumber},
};

/// Tables of slices don't go to disk, so nothing of them has to be read.
pub(super) const IN_MEMORY: &str = "slices stay in memory";

/// Where tables of slices come from.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) range: HashRange,
    pub(super) supply: Supply,
}

pub(super) struct Slice<K, A> {
    pub(super) number: SliceNumber,
    accumulators: Accumulators<K, A>,
}

enum Accumulators<K, A> {
    Few(HeapTable<K, Option<A>>),
    Many(ManagedTable<K, A>),
}

impl<A> Content for Option<A> {
    #[inline(always)]
    fn is_vacant(&self) -> bool {
        self.is_none()
    }
}

/// What a record does to the accumulator of its key.
pub(super) struct Add<'a, K, T, F> {
    pub(super) key: &'a K,
    pub(super) record: T,
    pub(super) fold: &'a F,
}

impl<K: Key, T, F: Fold<T>> Change<K, F::Accumulator> for Add<'_, K, T, F> {
    #[inline(always)]
    fn is(&self, stored: &Archived<K>) -> bool {
        is_archived(self.key, stored)
    }

    fn key(&self) -> K {
        self.key.clone()
    }

    fn first(self) -> F::Accumulator {
        self.fold.first(self.record)
    }

    #[inline(always)]
    fn add(self, accumulator: &mut F::Accumulator) {
        self.fold.add(accumulator, self.record);
    }
}

fn asked<K: Key>(hash: u32, key: &K) -> AskedKey<impl Fn(&K) -> bool, impl FnOnce() -> K> {
    AskedKey { hash, is: move |known: &K| known == key, make: move || key.clone() }
}

impl<K: Key, A: Record + Clone> Slice<K, A> {
    /// A slice without records.
    pub(super) fn new(number: SliceNumber) -> Self {
        Self { number, accumulators: Accumulators::Few(HeapTable::new()) }
    }

    /// Brings the place where a hash is at home into the cache.
    #[inline(always)]
    pub(super) fn prefetch(&mut self, hash: u32) {
        match &mut self.accumulators {
            Accumulators::Many(table) => table.prefetch(hash),
            Accumulators::Few(table) => KeyTable::prefetch(table, hash),
        }
    }

    /// Adds a record.
    #[inline(always)]
    pub(super) fn add<T, F>(
        &mut self,
        hash: u32,
        add: Add<'_, K, T, F>,
        home: &Home,
    ) -> Result<(), StateError>
    where
        F: Fold<T, Accumulator = A>,
    {
        match &mut self.accumulators {
            Accumulators::Many(table) => match table.upsert(hash, add) {
                Ok(_) => Ok(()),
                Err(Refused { error, .. }) => Err(error),
            },
            Accumulators::Few(_) => self.add_to_few(hash, add, home),
        }
    }

    #[inline(never)]
    fn add_to_few<T, F>(
        &mut self,
        hash: u32,
        add: Add<'_, K, T, F>,
        home: &Home,
    ) -> Result<(), StateError>
    where
        F: Fold<T, Accumulator = A>,
    {
        let Accumulators::Few(table) = &mut self.accumulators else { unreachable!("it is small") };
        let place = table.find_or_add(asked(hash, add.key));
        match table.at(place).1 {
            Some(accumulator) => add.add(accumulator),
            vacant => *vacant = Some(add.first()),
        }
        self.make_room(home)
    }

    /// Moves into managed memory when there are many keys.
    fn make_room(&mut self, home: &Home) -> Result<(), StateError> {
        let Accumulators::Few(few) = &self.accumulators else { return Ok(()) };
        if few.len() <= FEW_MAX {
            return Ok(());
        }
        let mut table = ManagedTable::new(home.range, home.supply.clone())?;
        let mut moved = Ok(true);
        few.for_each(|hash, key, accumulator| {
            if let (Ok(_), Some(accumulator)) = (&moved, accumulator) {
                moved = table.insert_new(hash, key, accumulator);
            }
        });
        moved?;
        self.accumulators = Accumulators::Many(table);
        Ok(())
    }

    /// Takes back an accumulator; false if the key has one.
    pub(super) fn put_back(
        &mut self,
        hash: u32,
        (key, accumulator): (&K, A),
        home: &Home,
    ) -> Result<bool, StateError> {
        let is_new = match &mut self.accumulators {
            Accumulators::Many(table) => table.insert_new(hash, key, &accumulator)?,
            Accumulators::Few(table) => {
                let place = table.find_or_add(asked(hash, key));
                table.at(place).1.replace(accumulator).is_none()
            }
        };
        self.make_room(home)?;
        Ok(is_new)
    }

    /// The accumulator of a key.
    pub(super) fn get(&mut self, hash: u32, key: &K) -> Option<A> {
        match &mut self.accumulators {
            Accumulators::Many(table) => {
                let found = table.get(hash, |stored| is_archived(key, stored));
                found.expect(IN_MEMORY)
            }
            Accumulators::Few(table) => {
                let mut place = table.next_of_hash(hash, None);
                while let Some(found) = place {
                    let (known, accumulator) = table.at(found);
                    if known == key {
                        return accumulator.clone();
                    }
                    place = table.next_of_hash(hash, Some(found));
                }
                None
            }
        }
    }

    /// Where the bucket ends that begins so far behind the first hash of all.
    pub(super) fn bucket_end(&self, from: u64, range: HashRange) -> u64 {
        let Accumulators::Many(table) = &self.accumulators else { return range.span() };
        let (_, next) = table.scan_bucket(range.at(from));
        next.map_or(range.span(), |next| range.offset(next))
    }

    /// Shows the accumulators of that bucket.
    pub(super) fn for_each_of_bucket(&mut self, first: u32, mut each: impl FnMut(K, A)) {
        match &mut self.accumulators {
            Accumulators::Many(table) => {
                let (mut scan, _) = table.scan_bucket(first);
                while let Some((key, accumulator)) = table.next(&mut scan).expect(IN_MEMORY) {
                    each(key, accumulator);
                }
            }
            Accumulators::Few(table) => table.for_each(|_, key, accumulator| {
                let accumulator = accumulator.clone().expect("it has content");
                each(key.clone(), accumulator);
            }),
        }
    }

    /// Shows the accumulators of keys whose hashes are in `part`, whole buckets of all slices.
    pub(super) fn for_each_in(&mut self, part: HashRange, mut each: impl FnMut(u32, K, A)) {
        match &mut self.accumulators {
            Accumulators::Many(table) => {
                let mut scan = table.scan_range(part);
                let mut next = || table.next_hashed(&mut scan).expect(IN_MEMORY);
                while let Some((hash, key, accumulator)) = next() {
                    each(hash, key, accumulator);
                }
            }
            Accumulators::Few(table) => table.for_each(|hash, key, accumulator| {
                if part.contains(hash) {
                    let accumulator = accumulator.clone().expect("it has content");
                    each(hash, key.clone(), accumulator);
                }
            }),
        }
    }

    /// The table, if it is in managed memory, to be frozen.
    pub(super) fn table(&mut self) -> Option<&mut ManagedTable<K, A>> {
        match &mut self.accumulators {
            Accumulators::Many(table) => Some(table),
            Accumulators::Few(_) => None,
        }
    }
}

impl<K, A> std::fmt::Debug for Slice<K, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slice").field("number", &self.number).finish_non_exhaustive()
    }
}
