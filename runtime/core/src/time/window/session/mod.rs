//! [`SessionWindows`]: sessions with incremental aggregation.
//!
//! A record is a window from its time to a gap later; windows of a key that overlap or touch are
//! one. A key keeps its sessions in order, mostly one; a record extends one, makes one, or joins
//! several. What is due for a key is looked at only when its time comes: if the session has grown
//! meanwhile, the key is noted for the new end, so a record that extends a session registers
//! nothing.
//!
//! A record is late when its session, with all that it joins, is: one that comes late but touches a
//! session that is still kept is taken. As with Flink's `MergingWindowSet` and `EventTimeTrigger`.

use crate::time::{
    Timestamp, Watermark,
    window::{
        AllowedLateness, AskedKey, Content, Fed, Fired, FiredTime, Fires, Fold, HeapTable,
        KeyTable, TimeWindow, Window,
        keyed::{Due, KeyedDue},
    },
};

/// What is kept of one key.
#[derive(Clone, Debug)]
pub struct KeySessions<A> {
    /// Rising, no two touching.
    sessions: Vec<(TimeWindow, A)>,
    due: Timestamp,
}

impl<A> Default for KeySessions<A> {
    fn default() -> Self {
        Self { sessions: Vec::new(), due: Timestamp::MIN }
    }
}

impl<A> Content for KeySessions<A> {
    #[inline(always)]
    fn is_vacant(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl<A> Due for KeySessions<A> {
    #[inline(always)]
    fn due(&self) -> Timestamp {
        self.due
    }

    fn set_due(&mut self, due: Timestamp) {
        self.due = due;
    }
}

impl<A> KeySessions<A> {
    /// The sessions that `window` touches.
    fn touched(&self, window: &TimeWindow) -> std::ops::Range<usize> {
        let first = self.sessions.partition_point(|(session, _)| session.end() < window.start());
        let rest = self.sessions[first..].iter();
        let count = rest.take_while(|(session, _)| session.start() <= window.end()).count();
        first..first + count
    }

    /// Adds a record, whose session becomes one with all that it touches.
    fn add<T, F>(&mut self, window: TimeWindow, record: T, fold: &F) -> TimeWindow
    where
        F: Fold<T, Accumulator = A>,
    {
        let touched = self.touched(&window);
        if touched.is_empty() {
            self.sessions.insert(touched.start, (window, fold.first(record)));
            return window;
        }
        let later: Vec<_> = self.sessions.drain(touched.start + 1..touched.end).collect();
        let (cover, accumulator) = &mut self.sessions[touched.start];
        *cover = cover.cover(&window);
        for (session, content) in later {
            *cover = cover.cover(&session);
            fold.merge(accumulator, content);
        }
        fold.add(accumulator, record);
        *cover
    }
}

/// When something is due for a session after `now`: it fires, or having fired it is forgotten.
fn due_after(session: &TimeWindow, now: Timestamp, lateness: AllowedLateness) -> Timestamp {
    let last = session.max_timestamp();
    if last > now { last } else { lateness.cleanup_time(last) }
}

/// See the documentation of the module.
#[derive(Clone, Debug)]
pub struct SessionWindows<K, A, S = HeapTable<K, KeySessions<A>>> {
    lateness: AllowedLateness,
    keys: KeyedDue<K, KeySessions<A>, TimeWindow, A, S>,
}

/// What a snapshot holds of one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionsImage<K, A> {
    /// The hash that came with the key's records.
    pub hash: u32,
    /// The key.
    pub key: K,
    /// When something is due for it next.
    pub due: Timestamp,
    /// Its sessions in order.
    pub sessions: Vec<(TimeWindow, A)>,
}

impl<K: Clone, A: Clone, S> SessionWindows<K, A, S>
where
    S: KeyTable<K, KeySessions<A>> + Default,
{
    /// No sessions, before the first watermark.
    pub fn new(lateness: AllowedLateness) -> Self {
        Self { lateness, keys: KeyedDue::new() }
    }

    /// The last watermark.
    pub fn watermark(&self) -> Watermark {
        self.keys.watermark
    }

    /// When something is due next, should time get there.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.keys.next_due()
    }

    /// Brings what is kept under a hash into the cache.
    #[inline(always)]
    pub fn prefetch(&self, hash: u32) {
        self.keys.table.prefetch(hash);
    }

    /// Takes a record that is by itself the session `window`.
    ///
    /// # Panics
    /// If results wait to be taken.
    #[inline(always)]
    pub fn feed<T, F, I, M>(
        &mut self,
        asked: AskedKey<I, M>,
        window: TimeWindow,
        record: T,
        fold: &F,
    ) -> Fed<T>
    where
        F: Fold<T, Accumulator = A>,
        I: Fn(&K) -> bool,
        M: FnOnce() -> K,
    {
        let (hash, watermark, lateness) = (asked.hash, self.keys.watermark, self.lateness);
        let place = self.keys.table.find_or_add(asked);
        let (_, sessions) = self.keys.table.at(place);
        let is_late = lateness.is_window_late(window.max_timestamp(), watermark);
        if is_late && sessions.touched(&window).is_empty() {
            return Fed::Late(record);
        }
        let was_vacant = sessions.is_vacant();
        let session = sessions.add(window, record, fold);
        let last = session.max_timestamp();
        assert!(!lateness.is_window_late(last, watermark), "a session that is kept is not late");
        self.keys.register(hash, place, due_after(&session, watermark.0, lateness), was_vacant);
        if last > watermark.0 {
            return Fed::Taken(Fires::Nothing);
        }
        let (key, sessions, fired) = self.keys.at(place);
        let (_, content) = &sessions.sessions[sessions.touched(&session).start];
        let (key, content) = (key.clone(), content.clone());
        fired.push_back(Fired { key, window: session, content });
        Fed::Taken(Fires::Results)
    }

    /// Time has come this far; results are to be taken with [`SessionWindows::next_fired`]. An
    /// earlier watermark than the last is ignored.
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn advance(&mut self, watermark: Watermark) {
        self.keys.advance(watermark);
    }

    /// The next result, in order of sessions' ends; `None` when all were taken.
    pub fn next_fired(&mut self) -> Option<FiredTime<K, A>> {
        let lateness = self.lateness;
        self.keys.next_fired(|key, KeySessions { sessions, .. }, time, fired| {
            sessions.retain(|(window, content)| {
                if window.max_timestamp() == time {
                    let (key, content) = (key.clone(), content.clone());
                    fired.push_back(Fired { key, window: *window, content });
                }
                lateness.cleanup_time(window.max_timestamp()) > time
            });
            sessions.iter().map(|(session, _)| due_after(session, time, lateness)).min()
        })
    }

    /// All that is kept, for a snapshot; restored by [`SessionWindows::restore`] in any order and
    /// in any number of cores.
    pub fn images(&self) -> Vec<SessionsImage<K, A>> {
        let mut images = Vec::new();
        self.keys.table.for_each(|hash, key, KeySessions { sessions, due }| {
            let (key, due, sessions) = (key.clone(), *due, sessions.clone());
            images.push(SessionsImage { hash, key, due, sessions });
        });
        images
    }

    /// Takes back what was kept of a key.
    ///
    /// # Panics
    /// If the key is here already.
    pub fn restore(&mut self, image: SessionsImage<K, A>)
    where
        K: Eq,
    {
        let SessionsImage { hash, key, due, sessions } = image;
        self.keys.restore(hash, key, KeySessions { sessions, due });
    }
}

#[cfg(test)]
mod tests;
