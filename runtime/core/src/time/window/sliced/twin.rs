//! What the cores are compared with: windows one by one, each with a list of its records and timers
//! of its own, after Flink's `WindowOperator` with an `EventTimeTrigger`. Records are numbers.

use std::collections::{BTreeMap, BTreeSet};

/// Windows of the twin.
#[derive(Clone, Copy, Debug)]
pub(in crate::time::window) enum Kind {
    Sliding { size: i64, slide: i64, offset: i64 },
    Session { gap: i64 },
}

/// Start and end.
pub(in crate::time::window) type Bounds = (i64, i64);

/// Key, window, records in order of their numbers.
pub(in crate::time::window) type TwinFired = (u32, Bounds, Vec<u32>);

#[derive(Debug)]
pub(in crate::time::window) struct Twin {
    kind: Kind,
    lateness: i64,
    watermark: i64,
    windows: BTreeMap<(u32, Bounds), Vec<u32>>,
    timers: BTreeSet<(i64, u32, Bounds)>,
}

impl Twin {
    pub(in crate::time::window) fn new(kind: Kind, lateness: i64) -> Self {
        let (windows, timers) = (BTreeMap::new(), BTreeSet::new());
        Self { kind, lateness, watermark: i64::MIN, windows, timers }
    }

    fn assign(&self, time: i64) -> Vec<Bounds> {
        match self.kind {
            Kind::Session { gap } => vec![(time, time + gap)],
            Kind::Sliding { size, slide, offset } => {
                let mut start = time - (time - offset).rem_euclid(slide);
                let mut windows = Vec::new();
                while start > time - size {
                    windows.push((start, start + size));
                    start -= slide;
                }
                windows
            }
        }
    }

    /// The window with all that it touches, which are taken out.
    fn merge(&mut self, key: u32, window: Bounds) -> (Bounds, Vec<u32>) {
        let touched: Vec<Bounds> = self
            .windows
            .keys()
            .filter(|(of, (start, end))| *of == key && *start <= window.1 && *end >= window.0)
            .map(|(_, bounds)| *bounds)
            .collect();
        let (mut cover, mut records) = (window, Vec::new());
        for bounds in touched {
            cover = (cover.0.min(bounds.0), cover.1.max(bounds.1));
            records.extend(self.windows.remove(&(key, bounds)).unwrap());
            self.timers.retain(|(_, of, window)| (*of, *window) != (key, bounds));
        }
        (cover, records)
    }

    fn fire(&self, key: u32, window: Bounds) -> TwinFired {
        let mut records = self.windows[&(key, window)].clone();
        records.sort_unstable();
        (key, window, records)
    }

    /// What fires, latest window first, and whether the record was late.
    pub(in crate::time::window) fn feed(
        &mut self,
        key: u32,
        time: i64,
        record: u32,
    ) -> (Vec<TwinFired>, bool) {
        let (mut fired, mut skipped) = (Vec::new(), true);
        for window in self.assign(time) {
            let (window, mut records) = match self.kind {
                Kind::Session { .. } => self.merge(key, window),
                Kind::Sliding { .. } => {
                    (window, self.windows.remove(&(key, window)).unwrap_or_default())
                }
            };
            let last = window.1 - 1;
            if last + self.lateness <= self.watermark {
                assert!(records.is_empty(), "late windows are gone");
                continue;
            }
            skipped = false;
            records.push(record);
            self.windows.insert((key, window), records);
            if last <= self.watermark {
                fired.push(self.fire(key, window));
            } else {
                self.timers.insert((last, key, window));
            }
            self.timers.insert((last + self.lateness, key, window));
        }
        (fired, skipped && time + self.lateness <= self.watermark)
    }

    /// What fires, in order of time.
    pub(in crate::time::window) fn advance(&mut self, watermark: i64) -> Vec<TwinFired> {
        self.watermark = self.watermark.max(watermark);
        let mut fired = Vec::new();
        while let Some(timer) = self.timers.first().copied()
            && timer.0 <= self.watermark
        {
            self.timers.remove(&timer);
            let (time, key, window) = timer;
            if time == window.1 - 1 {
                fired.push(self.fire(key, window));
            }
            if time == window.1 - 1 + self.lateness {
                self.windows.remove(&(key, window));
            }
        }
        fired
    }

    /// Windows that are kept.
    pub(in crate::time::window) fn len(&self) -> usize {
        self.windows.len()
    }
}
