//! [`TimerQueue`]: the timers of one operator in one time domain.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{BuildHasherDefault, Hash, Hasher},
};

use super::set::TimerSet;
use crate::{
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::KeyHasher,
    time::Timestamp,
};

/// Sets that were emptied and are kept for the next times.
const SPARE_SETS_MAX: usize = 8;

/// A timer, but for its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timer<K, N> {
    /// The hash of the key, by which it belongs to a key group.
    pub key_hash: u32,
    /// For whom.
    pub key: K,
    /// For what: a window, or nothing more to say.
    pub namespace: N,
}

impl<K, N: Hash> Timer<K, N> {
    /// The low bits of the key's hash are those of its group's neighbours as well, and one key may
    /// have many namespaces: both are folded.
    fn set_hash(&self) -> u32 {
        let mut hasher = KeyHasher::new();
        hasher.write_u32(self.key_hash);
        self.namespace.hash(&mut hasher);
        hasher.finish() as u32
    }
}

/// Timers with their times, by key group.
pub type TimersByKeyGroup<'a, K, N> = Vec<(KeyGroup, Vec<(Timestamp, &'a Timer<K, N>)>)>;

type ByTime<V> = HashMap<Timestamp, V, BuildHasherDefault<KeyHasher>>;

/// See the [module's documentation](super).
#[derive(Clone, Debug)]
pub struct TimerQueue<K, N> {
    max_parallelism: MaxParallelism,
    /// Each distinct time once; one whose set has become empty goes when it comes to the top.
    times: BinaryHeap<Reverse<Timestamp>>,
    /// Positions in `sets`.
    by_time: ByTime<usize>,
    sets: Vec<TimerSet<K, N>>,
    /// Positions of sets without a time.
    spare: Vec<usize>,
    /// The time of the last registration and its set: mostly the next one's too.
    last: Option<(Timestamp, usize)>,
    len: usize,
}

impl<K: Eq, N: Eq + Hash> TimerQueue<K, N> {
    /// An empty queue of an operator with so many key groups.
    pub fn new(max_parallelism: MaxParallelism) -> Self {
        assert!(max_parallelism.is_valid(), "{max_parallelism:?} is out of bounds");
        Self {
            max_parallelism,
            times: BinaryHeap::new(),
            by_time: HashMap::default(),
            sets: Vec::new(),
            spare: Vec::new(),
            last: None,
            len: 0,
        }
    }

    /// Timers in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Registers a timer; false if it was registered already.
    pub fn register(&mut self, time: Timestamp, timer: Timer<K, N>) -> bool {
        let set = self.set_of(time);
        let is_new = self.sets[set].insert(timer.set_hash(), timer);
        self.len += usize::from(is_new);
        is_new
    }

    /// Deletes a timer; false if there was none.
    pub fn delete(&mut self, time: Timestamp, timer: &Timer<K, N>) -> bool {
        let Some(set) = self.by_time.get(&time) else { return false };
        let was_there = self.sets[*set].remove(timer.set_hash(), timer);
        self.len -= usize::from(was_there);
        was_there
    }

    /// The time of the next timer.
    pub fn next_time(&mut self) -> Option<Timestamp> {
        loop {
            let Reverse(time) = *self.times.peek()?;
            let set = *self.by_time.get(&time).expect("each time in the heap has a set");
            if self.sets[set].len() > 0 {
                return Some(time);
            }
            self.forget(time, set);
        }
    }

    /// Takes out the next timer that is due at `now`. To be asked again after the timer has fired,
    /// until there is none: firing may register more.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer<K, N>)> {
        let time = self.next_time().filter(|time| *time <= now)?;
        let set = *self.by_time.get(&time).expect("each time in the heap has a set");
        let timer = self.sets[set].pop().expect("the next time has a timer");
        assert!(self.len > 0, "a timer was counted when it was registered");
        self.len -= 1;
        Some((time, timer))
    }

    /// All timers with their times: those of one time in the order in which they fire, the times in
    /// no order. Registering them in that order in another queue makes it equal to this one.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, &Timer<K, N>)> {
        let sets = self.by_time.iter().map(|(time, set)| (*time, &self.sets[*set]));
        sets.flat_map(|(time, set)| set.iter().map(move |timer| (time, timer)))
    }

    /// All timers with their times, by key group, then in no order that means anything; groups
    /// without timers are left out.
    pub fn by_key_group(&self) -> TimersByKeyGroup<'_, K, N> {
        let groups = self.max_parallelism.0 as usize;
        let mut sorted: Vec<_> = (0..groups).map(|_| Vec::new()).collect();
        for (time, timer) in self.iter() {
            sorted[key_group_of(timer.key_hash, groups)].push((time, timer));
        }
        let numbered = (0..self.max_parallelism.0).map(KeyGroup).zip(sorted);
        numbered.filter(|(_, timers)| !timers.is_empty()).collect()
    }

    /// Checks what always holds; slow.
    ///
    /// # Panics
    /// If it does not.
    pub fn verify_invariants(&self) {
        assert_eq!(self.times.len(), self.by_time.len(), "each time is in the heap once");
        assert_eq!(self.sets.len(), self.by_time.len() + self.spare.len(), "no set is lost");
        let timers = self.by_time.values().map(|set| self.sets[*set].iter().count());
        assert_eq!(timers.sum::<usize>(), self.len, "timers are counted");
        assert!(self.spare.iter().all(|set| self.sets[*set].len() == 0), "a spare set is empty");
    }

    #[inline]
    fn set_of(&mut self, time: Timestamp) -> usize {
        if let Some((last, set)) = self.last
            && last == time
        {
            return set;
        }
        let set = match self.by_time.get(&time) {
            Some(set) => *set,
            None => self.add_time(time),
        };
        self.last = Some((time, set));
        set
    }

    fn add_time(&mut self, time: Timestamp) -> usize {
        let set = self.spare.pop().unwrap_or_else(|| {
            self.sets.push(TimerSet::new());
            self.sets.len() - 1
        });
        self.by_time.insert(time, set);
        self.times.push(Reverse(time));
        set
    }

    /// Forgets the least time, which has no timers.
    fn forget(&mut self, time: Timestamp, set: usize) {
        let least = self.times.pop();
        assert_eq!(least, Some(Reverse(time)), "the least time is the one to forget");
        self.by_time.remove(&time);
        self.last = self.last.filter(|(last, _)| *last != time);
        if self.spare.len() < SPARE_SETS_MAX {
            self.sets[set].clear();
        } else {
            self.sets[set] = TimerSet::new();
        }
        self.spare.push(set);
    }
}
