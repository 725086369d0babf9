//! [`KeyedDue`]: keys with something due, and the results of doing it.
//!
//! What cores that keep one value per key have in common: a table, the keys that are due by time,
//! and a queue of results that is never longer than what one key gives.

mod due;

use due::DueKeys;
use std::{collections::VecDeque, marker::PhantomData};

use super::{AskedKey, Content, Fired, KeyTable, Place, Unfit};
use crate::time::{Timestamp, Watermark};

/// Keys that are fetched ahead while many fire.
const FIRE_AHEAD: usize = 8;

/// When nothing is due for a value that was made anew.
pub(super) const NOT_DUE: Timestamp = Timestamp::MIN;

/// A value that knows when something is due for it.
pub(super) trait Due: Content {
    /// When; means nothing while it is vacant.
    fn due(&self) -> Timestamp;

    /// Moves it.
    fn set_due(&mut self, due: Timestamp);
}

/// The keys that fire at one time.
#[derive(Clone, Debug)]
struct Firing {
    time: Timestamp,
    hashes: Vec<u32>,
    next: usize,
}

/// Where the results of one key go.
pub(super) type Results<K, W, A> = VecDeque<Fired<K, W, A>>;

#[derive(Clone, Debug)]
pub(super) struct KeyedDue<K, V, W, A, S> {
    pub(super) watermark: Watermark,
    pub(super) table: S,
    due: DueKeys,
    firing: Option<Firing>,
    fired: Results<K, W, A>,
    value: PhantomData<fn() -> V>,
}

impl<K, V: Due, W, A, S: KeyTable<K, V> + Default> KeyedDue<K, V, W, A, S> {
    pub(super) fn new() -> Self {
        Self {
            watermark: Watermark::MIN,
            table: S::default(),
            due: DueKeys::default(),
            firing: None,
            fired: VecDeque::new(),
            value: PhantomData,
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// Something is due for a key, unless something is due earlier already.
    pub(super) fn register(&mut self, hash: u32, place: Place, due: Timestamp, was_vacant: bool) {
        let (_, value) = self.table.at(place);
        if was_vacant || due < value.due() {
            value.set_due(due);
            self.due.add(due, hash);
        }
    }

    /// A key and the queue for what fires at once with a record.
    pub(super) fn at(&mut self, place: Place) -> (&K, &mut V, &mut Results<K, W, A>) {
        assert!(self.is_drained(), "results are taken before records come");
        let (key, value) = self.table.at(place);
        (key, value, &mut self.fired)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.firing.is_none() && self.fired.is_empty()
    }

    pub(super) fn advance(&mut self, watermark: Watermark) {
        assert!(self.is_drained(), "results wait to be taken");
        self.watermark = self.watermark.max(watermark);
    }

    /// The next result. `fire` does what is due for one key at one time, and gives the next time
    /// at which something is.
    #[inline]
    pub(super) fn next_fired(
        &mut self,
        mut fire: impl FnMut(&K, &mut V, Timestamp, &mut Results<K, W, A>) -> Option<Timestamp>,
    ) -> Option<Fired<K, W, A>> {
        loop {
            if let Some(fired) = self.fired.pop_front() {
                return Some(fired);
            }
            let firing = match self.firing.take() {
                Some(firing) => firing,
                None => self.begin()?,
            };
            self.fire_next(firing, &mut fire);
        }
    }

    fn begin(&mut self) -> Option<Firing> {
        let (time, hashes) = self.due.take_due(self.watermark.0)?;
        hashes.iter().take(FIRE_AHEAD).for_each(|hash| self.table.prefetch(*hash));
        Some(Firing { time, hashes, next: 0 })
    }

    /// Fires the keys of the next hash.
    #[inline]
    fn fire_next(
        &mut self,
        mut firing: Firing,
        fire: &mut impl FnMut(&K, &mut V, Timestamp, &mut Results<K, W, A>) -> Option<Timestamp>,
    ) {
        let Some(hash) = firing.hashes.get(firing.next).copied() else {
            self.due.put_back(firing.hashes);
            return;
        };
        if let Some(ahead) = firing.hashes.get(firing.next + FIRE_AHEAD) {
            self.table.prefetch(*ahead);
        }
        firing.next += 1;
        let time = firing.time;
        self.firing = Some(firing);
        let mut place = self.table.next_of_hash(hash, None);
        while let Some(found) = place {
            let (key, value) = self.table.at(found);
            if !value.is_vacant()
                && value.due() == time
                && let Some(due) = fire(key, value, time, &mut self.fired)
            {
                assert!(due > time, "what was due is done");
                value.set_due(due);
                self.due.add(due, hash);
            }
            place = self.table.next_of_hash(hash, Some(found));
        }
    }

    /// Results that wait to be taken, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Fired<K, W, A>> {
        self.fired.iter()
    }

    /// Takes back results that waited, in order.
    pub(super) fn wait_again(&mut self, fired: Vec<Fired<K, W, A>>) {
        self.fired.extend(fired);
    }

    /// The value of a key that a snapshot held something of.
    pub(super) fn value_of(&mut self, hash: u32, key: &K) -> &mut V
    where
        K: Eq + Clone,
        V: Default,
    {
        let asked = AskedKey { hash, is: |known: &K| known == key, make: || key.clone() };
        let place = self.table.find_or_add(asked);
        self.table.at(place).1
    }

    /// Takes back when something is due for a key, behind what is kept for it.
    pub(super) fn put_back_due(&mut self, hash: u32, key: &K, due: Timestamp) -> Result<(), Unfit>
    where
        K: Eq + Clone,
        V: Default,
    {
        let value = self.value_of(hash, key);
        if value.is_vacant() {
            return Err(Unfit("a timer of a key without windows"));
        }
        if value.due() != NOT_DUE || due == NOT_DUE {
            return Err(Unfit::TWICE);
        }
        value.set_due(due);
        self.due.add(due, hash);
        Ok(())
    }

    /// Whether something is due for every key, after all was taken back.
    pub(super) fn check_due(&self) -> Result<(), Unfit> {
        let mut is_whole = true;
        self.table.for_each(|_, _, value| is_whole &= value.due() != NOT_DUE);
        if is_whole { Ok(()) } else { Err(Unfit("windows of a key without a timer")) }
    }
}
