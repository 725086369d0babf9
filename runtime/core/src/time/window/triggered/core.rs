//! The core itself: records, watermarks and the clock in, results out.

use std::collections::VecDeque;

use super::keep::Keep;
use crate::{
    graph::MaxParallelism,
    time::{
        Timestamp, Watermark,
        timers::{Timer, TimerQueue},
        window::{
            AllowedLateness, AskedKey, Content, Fed, Fired, Fires, HeapTable, KeyTable, Place,
            TimeDomain, Trigger, TriggerResult, Window, WindowAssigner,
            trigger::{Element, TimerRequest, TriggerContext},
        },
    },
};

/// What a program said about its windows.
#[derive(Clone, Debug)]
pub struct WindowRules<A, R, C> {
    /// Puts records into windows.
    pub assigner: A,
    /// Says when they fire.
    pub trigger: R,
    /// Keeps what is in them.
    pub keep: C,
    /// How long they are kept.
    pub lateness: AllowedLateness,
}

#[derive(Clone, Debug)]
pub(super) struct Entry<W, S, C> {
    pub(super) window: W,
    pub(super) trigger: S,
    pub(super) content: Option<C>,
}

/// The windows of one key; few, as a rule.
#[derive(Clone, Debug)]
pub(super) struct KeyEntries<W, S, C>(pub(super) Vec<Entry<W, S, C>>);

impl<W, S, C> Default for KeyEntries<W, S, C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<W: Window, S: Default, C> KeyEntries<W, S, C> {
    /// The entry of a window, with a trigger that remembers nothing if it is new.
    pub(super) fn of(&mut self, window: &W) -> &mut Entry<W, S, C> {
        let Self(entries) = self;
        let found = entries.iter().position(|entry| entry.window == *window);
        let at = found.unwrap_or_else(|| {
            let (window, trigger) = (window.clone(), S::default());
            entries.push(Entry { window, trigger, content: None });
            entries.len() - 1
        });
        &mut entries[at]
    }
}

impl<W, S, C> Content for KeyEntries<W, S, C> {
    fn is_vacant(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) type EntriesOf<T, A, R, C> = KeyEntries<
    <A as WindowAssigner<T>>::Window,
    <R as Trigger<T, <A as WindowAssigner<T>>::Window>>::State,
    <C as Keep<T, <A as WindowAssigner<T>>::Window>>::Kept,
>;

pub(super) type FiredOf<K, T, A, C> = Fired<
    K,
    <A as WindowAssigner<T>>::Window,
    <C as Keep<T, <A as WindowAssigner<T>>::Window>>::Out,
>;

/// The timers of both domains, and the present in both.
#[derive(Clone, Debug)]
pub(super) struct Clocks<K, W> {
    watermark: Watermark,
    now: Timestamp,
    pub(super) event: TimerQueue<K, W>,
    pub(super) processing: TimerQueue<K, W>,
    requests: Vec<TimerRequest>,
}

impl<K: Clone + Eq, W: Window> Clocks<K, W> {
    pub(super) fn queue(&mut self, domain: TimeDomain) -> &mut TimerQueue<K, W> {
        match domain {
            TimeDomain::EventTime => &mut self.event,
            TimeDomain::ProcessingTime => &mut self.processing,
        }
    }

    /// Asks a trigger, and carries out what it wants of timers.
    fn ask<O>(&mut self, timer: &Timer<K, W>, ask: impl FnOnce(&mut TriggerContext<'_>) -> O) -> O {
        let mut requests = std::mem::take(&mut self.requests);
        let (watermark, processing_time) = (self.watermark, self.now);
        let requested = &mut requests;
        let answer = ask(&mut TriggerContext { watermark, processing_time, requests: requested });
        for request in requests.drain(..) {
            match request {
                TimerRequest::Register(domain, time) => {
                    self.queue(domain).register(time, timer.clone());
                }
                TimerRequest::Delete(domain, time) => {
                    self.queue(domain).delete(time, timer);
                }
            }
        }
        self.requests = requests;
        answer
    }
}

/// See the documentation of the module.
pub struct TriggeredWindows<T, K, A, R, C>
where
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    rules: WindowRules<A, R, C>,
    pub(super) table: HeapTable<K, EntriesOf<T, A, R, C>>,
    pub(super) clocks: Clocks<K, A::Window>,
    assigned: Vec<A::Window>,
    pub(super) fired: VecDeque<FiredOf<K, T, A, C>>,
}

impl<T, K, A, R, C> TriggeredWindows<T, K, A, R, C>
where
    T: Clone,
    K: Clone + Eq,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    /// No windows, before the first watermark; the operator has so many key groups.
    ///
    /// # Panics
    /// If the windows merge and the trigger can't.
    pub fn new(rules: WindowRules<A, R, C>, max_parallelism: MaxParallelism) -> Self {
        assert!(
            !rules.assigner.is_merging() || rules.trigger.can_merge(),
            "windows that merge need a trigger that can: one by time or count, not by delta"
        );
        let clocks = Clocks {
            watermark: Watermark::MIN,
            now: Timestamp::MIN,
            event: TimerQueue::new(max_parallelism),
            processing: TimerQueue::new(max_parallelism),
            requests: Vec::new(),
        };
        let (table, assigned, fired) = (HeapTable::new(), Vec::new(), VecDeque::new());
        Self { rules, table, clocks, assigned, fired }
    }

    /// The last watermark.
    pub fn watermark(&self) -> Watermark {
        self.clocks.watermark
    }

    /// When the clock is next waited for.
    pub fn next_processing_time(&mut self) -> Option<Timestamp> {
        self.clocks.processing.next_time()
    }

    /// Brings what is kept under a hash into the cache.
    pub fn prefetch(&self, hash: u32) {
        self.table.prefetch(hash);
    }

    /// Takes a record of a key with this hash.
    ///
    /// # Panics
    /// If results wait to be taken, or a record without a timestamp comes into event time.
    pub fn feed(
        &mut self,
        (hash, key): (u32, K),
        timestamp: Option<Timestamp>,
        record: T,
    ) -> Fed<T> {
        assert!(self.fired.is_empty(), "results are taken before records come");
        let time = match self.rules.assigner.domain() {
            TimeDomain::EventTime => timestamp.expect("event-time windows need timestamps"),
            TimeDomain::ProcessingTime => self.clocks.now,
        };
        let mut assigned = std::mem::take(&mut self.assigned);
        self.rules.assigner.assign(&record, time, &mut assigned);
        let asked = AskedKey { hash, is: |known: &K| *known == key, make: || key.clone() };
        let place = self.table.find_or_add(asked);
        let mut is_taken = false;
        for window in assigned.drain(..) {
            let window = self.merged(place, hash, window);
            if !self.is_window_late(&window) {
                is_taken = true;
                let record = (record.clone(), timestamp);
                self.add(
                    place,
                    Timer { key_hash: hash, key: key.clone(), namespace: window },
                    record,
                );
            }
        }
        self.assigned = assigned;
        if is_taken {
            return Fed::Taken(if self.fired.is_empty() { Fires::Nothing } else { Fires::Results });
        }
        let is_late = self.rules.assigner.domain() == TimeDomain::EventTime
            && self.rules.lateness.is_record_late(time, self.clocks.watermark);
        if is_late { Fed::Late(record) } else { Fed::Outside }
    }

    fn is_window_late(&self, window: &A::Window) -> bool {
        self.rules.assigner.domain() == TimeDomain::EventTime
            && self.rules.lateness.is_window_late(window.max_timestamp(), self.clocks.watermark)
    }

    /// When a window is forgotten; never, if it goes on to the end of time.
    fn cleanup_time(&self, window: &A::Window) -> Option<Timestamp> {
        let last = window.max_timestamp();
        let time = match self.rules.assigner.domain() {
            TimeDomain::EventTime => self.rules.lateness.cleanup_time(last),
            TimeDomain::ProcessingTime => last,
        };
        (time < Timestamp::MAX).then_some(time)
    }

    /// The window that `window` becomes with all that it touches, if windows merge.
    fn merged(&mut self, place: Place, hash: u32, window: A::Window) -> A::Window {
        if !self.rules.assigner.is_merging() {
            return window;
        }
        let (key, entries) = self.table.at(place);
        let key = key.clone();
        let is_touched =
            |entry: &mut Entry<A::Window, _, _>| entry.window.merged(&window).is_some();
        let mut parts: Vec<_> = entries.0.extract_if(.., is_touched).collect();
        // In order of time, whatever the order in which they came or were restored.
        parts.sort_by_key(|part| part.window.max_timestamp());
        if parts.is_empty() {
            return window;
        }
        let cover = parts.iter().fold(window, |cover, part| {
            cover.merged(&part.window).expect("parts touch the window that joins them")
        });
        if let [part] = &parts[..]
            && part.window == cover
        {
            let (_, entries) = self.table.at(place);
            entries.0.extend(parts);
            return cover;
        }
        let entry = self.join(hash, key, cover.clone(), parts);
        let (_, entries) = self.table.at(place);
        entries.0.push(entry);
        cover
    }

    fn join(
        &mut self,
        hash: u32,
        key: K,
        cover: A::Window,
        parts: Vec<Entry<A::Window, R::State, C::Kept>>,
    ) -> Entry<A::Window, R::State, C::Kept> {
        let mut timer = Timer { key_hash: hash, key, namespace: cover.clone() };
        let mut states = Vec::with_capacity(parts.len());
        let mut content = None;
        for part in parts {
            let (window, mut state) = (part.window, part.trigger.clone());
            timer.namespace = window.clone();
            let trigger = &self.rules.trigger;
            self.clocks.ask(&timer, |context| trigger.clear(&window, &mut state, context));
            if let Some(cleanup) = self.cleanup_time(&window) {
                self.clocks.queue(self.rules.assigner.domain()).delete(cleanup, &timer);
            }
            states.push(part.trigger);
            if let Some(part) = part.content {
                self.rules.keep.merge(&mut content, part);
            }
        }
        let mut state = states.remove(0);
        timer.namespace = cover.clone();
        let trigger = &self.rules.trigger;
        self.clocks.ask(&timer, |context| trigger.on_merge(&cover, &mut state, states, context));
        Entry { window: cover, trigger: state, content }
    }

    /// Adds a record to a window.
    fn add(
        &mut self,
        place: Place,
        timer: Timer<K, A::Window>,
        (record, timestamp): (T, Option<Timestamp>),
    ) {
        let WindowRules { trigger, keep, .. } = &self.rules;
        let (_, entries) = self.table.at(place);
        let window = &timer.namespace;
        let entry = entries.of(window);
        let time = timestamp.unwrap_or(self.clocks.now);
        let result = self.clocks.ask(&timer, |context| {
            let element = Element { record: &record, timestamp: time, window };
            trigger.on_element(element, &mut entry.trigger, context)
        });
        keep.add(&mut entry.content, record, timestamp);
        Self::carry_out(result, entry, keep, &timer.key, &mut self.fired);
        if let Some(cleanup) = self.cleanup_time(window) {
            self.clocks.queue(self.rules.assigner.domain()).register(cleanup, timer);
        }
    }

    fn carry_out(
        result: TriggerResult,
        entry: &mut Entry<A::Window, R::State, C::Kept>,
        keep: &C,
        key: &K,
        fired: &mut VecDeque<FiredOf<K, T, A, C>>,
    ) {
        let content = match result {
            TriggerResult::Continue => None,
            TriggerResult::Fire => keep.fire(&mut entry.content, &entry.window),
            TriggerResult::FireAndPurge => keep.fire_and_clear(&mut entry.content, &entry.window),
            TriggerResult::Purge => {
                entry.content = None;
                None
            }
        };
        let (key, window) = (key.clone(), entry.window.clone());
        fired.extend(content.map(|content| Fired { key, window, content }));
    }

    /// Event time has come this far; results are to be taken with [`TriggeredWindows::next_fired`].
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn advance(&mut self, watermark: Watermark) {
        assert!(self.fired.is_empty(), "results wait to be taken");
        self.clocks.watermark = self.clocks.watermark.max(watermark);
    }

    /// The clock has come this far; results are to be taken with [`TriggeredWindows::next_fired`].
    ///
    /// # Panics
    /// If results wait to be taken.
    pub fn advance_clock(&mut self, now: Timestamp) {
        assert!(self.fired.is_empty(), "results wait to be taken");
        self.clocks.now = self.clocks.now.max(now);
    }

    /// The next result; `None` when all were taken.
    pub fn next_fired(&mut self) -> Option<FiredOf<K, T, A, C>> {
        loop {
            if let Some(fired) = self.fired.pop_front() {
                return Some(fired);
            }
            let Clocks { watermark, now, event, processing, .. } = &mut self.clocks;
            if let Some((time, timer)) = event.pop_due(watermark.0) {
                self.on_timer(TimeDomain::EventTime, time, timer);
            } else {
                let (time, timer) = processing.pop_due(*now)?;
                self.on_timer(TimeDomain::ProcessingTime, time, timer);
            }
        }
    }

    fn on_timer(&mut self, domain: TimeDomain, time: Timestamp, timer: Timer<K, A::Window>) {
        let window = &timer.namespace;
        let Some(place) = self.find(&timer) else { return };
        let is_own = domain == self.rules.assigner.domain();
        let cleanup = self.cleanup_time(window).filter(|_| is_own);
        let is_cleanup = cleanup.is_some_and(|cleanup| cleanup <= time);
        let WindowRules { trigger, keep, .. } = &self.rules;
        let (_, KeyEntries(entries)) = self.table.at(place);
        let Some(at) = entries.iter().position(|entry| entry.window == *window) else { return };
        let entry = &mut entries[at];
        let state = &mut entry.trigger;
        let result = self.clocks.ask(&timer, |context| match domain {
            TimeDomain::EventTime => trigger.on_event_time(time, window, state, context),
            TimeDomain::ProcessingTime => trigger.on_processing_time(time, window, state, context),
        });
        let result = match result {
            TriggerResult::Fire if is_cleanup => TriggerResult::FireAndPurge,
            other => other,
        };
        Self::carry_out(result, entry, keep, &timer.key, &mut self.fired);
        if is_cleanup {
            self.clocks.ask(&timer, |context| trigger.clear(window, &mut entry.trigger, context));
            entries.remove(at);
        } else if let Some(cleanup) = cleanup {
            // It has one, unless it was restored with another lateness than it was kept with.
            self.clocks.queue(domain).register(cleanup, timer);
        }
    }

    fn find(&mut self, timer: &Timer<K, A::Window>) -> Option<Place> {
        let mut place = self.table.next_of_hash(timer.key_hash, None);
        while let Some(found) = place {
            let (key, _) = self.table.at(found);
            if *key == timer.key {
                return Some(found);
            }
            place = self.table.next_of_hash(timer.key_hash, Some(found));
        }
        None
    }
}
