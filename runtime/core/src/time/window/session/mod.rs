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
        AllowedLateness, AskedKey, Content, Fed, Fired, FiredTime, Fires, Fold, HeapTable, Image,
        KeyTable, Piece, TimeDomain, TimeImage, TimeWindow, Unfit, Window,
        keyed::{Due, KeyedDue, NOT_DUE},
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
        Self { sessions: Vec::new(), due: NOT_DUE }
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

    /// What a record that is by itself the session `window` becomes part of.
    fn cover(&self, window: &TimeWindow) -> TimeWindow {
        let touched = &self.sessions[self.touched(window)];
        touched.iter().fold(*window, |cover, (session, _)| cover.cover(session))
    }

    /// Adds a record to `cover`, which is all that it touches.
    fn add<T, F>(&mut self, cover: TimeWindow, record: T, fold: &F)
    where
        F: Fold<T, Accumulator = A>,
    {
        let touched = self.touched(&cover);
        if touched.is_empty() {
            self.sessions.insert(touched.start, (cover, fold.first(record)));
            return;
        }
        let later: Vec<_> = self.sessions.drain(touched.start + 1..touched.end).collect();
        let (session, accumulator) = &mut self.sessions[touched.start];
        *session = cover;
        for (_, content) in later {
            fold.merge(accumulator, content);
        }
        fold.add(accumulator, record);
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
        let session = sessions.cover(&window);
        let last = session.max_timestamp();
        if lateness.is_window_late(last, watermark) {
            return Fed::Late(record);
        }
        let was_vacant = sessions.is_vacant();
        sessions.add(session, record, fold);
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

    /// All that is kept, for a snapshot; timers are those of `domain`.
    pub fn images(&self, domain: TimeDomain) -> Vec<TimeImage<K, A>> {
        let mut images = Vec::new();
        let mut add = |key: &K, piece| images.push(Image { key: key.clone(), piece });
        self.keys.table.for_each(|_, key, KeySessions { sessions, due }| {
            for (window, content) in sessions {
                add(key, Piece::Content { window: *window, content: content.clone() });
            }
            add(key, Piece::Timer { domain, time: *due, window: None });
        });
        for (place, Fired { key, window, content }) in (0..).zip(self.keys.waiting()) {
            add(key, Piece::Result { place, window: *window, content: content.clone() });
        }
        images
    }

    /// Takes back what was kept of a key with this hash, but for results.
    ///
    /// # Errors
    /// If it is nothing that sessions keep.
    pub fn put_back(&mut self, hash: u32, image: TimeImage<K, A>) -> Result<(), Unfit>
    where
        K: Eq,
    {
        let Image { key, piece } = image;
        match piece {
            Piece::Content { window, content } => {
                let sessions = self.keys.value_of(hash, &key);
                let touched = sessions.touched(&window);
                if !touched.is_empty() {
                    return Err(Unfit("sessions of a key that touch"));
                }
                sessions.sessions.insert(touched.start, (window, content));
                Ok(())
            }
            Piece::Timer { time, window: None, .. } => self.keys.put_back_due(hash, &key, time),
            _ => Err(Unfit::FOREIGN),
        }
    }

    /// All was taken back but `fired`, the results that waited, in order.
    ///
    /// # Errors
    /// If something is missing.
    pub fn finish_restore(&mut self, fired: Vec<FiredTime<K, A>>) -> Result<(), Unfit> {
        self.keys.wait_again(fired);
        self.keys.check_due()
    }
}

#[cfg(test)]
mod tests;
