//! [`SlicedCore`]: tumbling and sliding windows, wherever their contents lie.

use super::core::{
    FeedError, FiredOf, ImageOf, KeptOf, WindowCore, check_domain, clock_watermark, time_of,
};
use crate::{
    graph::MaxParallelism,
    record::Key,
    state::{HashRange, StateError},
    time::{
        Timestamp, Watermark,
        window::{
            AskedKey, Fed, Fired, Fold, Kept, NotTaken, PanedWindows, SlicedWindows, TimeDomain,
            TimeWindow, Unfit,
        },
    },
};

/// Sliced windows in either domain.
#[derive(Debug)]
pub struct SlicedCore<K, F: Fold<T>, T> {
    pub(super) domain: TimeDomain,
    pub(super) windows: Sliced<K, F::Accumulator>,
    pub(super) fold: F,
}

/// The two ways to keep them.
#[derive(Debug)]
pub(super) enum Sliced<K, A> {
    /// A table for each slice, in managed memory.
    Tables(PanedWindows<K, A>),
    /// The slices of a key together, on the heap.
    ByKey(SlicedWindows<K, A>),
}

impl<K: Key, F: Fold<T>, T> SlicedCore<K, F, T> {
    fn watermark(&self) -> Watermark {
        match &self.windows {
            Sliced::Tables(windows) => windows.watermark(),
            Sliced::ByKey(windows) => windows.watermark(),
        }
    }

    fn advance_to(&mut self, watermark: Watermark) {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.advance(watermark),
            Sliced::ByKey(windows) => windows.advance(watermark),
        }
    }
}

impl<T, K, F> WindowCore<T, K> for SlicedCore<K, F, T>
where
    K: Key,
    F: Fold<T>,
{
    type Window = TimeWindow;
    type Content = F::Accumulator;
    type Kept = F::Accumulator;
    type Memory = ();

    #[inline(always)]
    fn prefetch(&mut self, hash: u32) {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.prefetch(hash),
            Sliced::ByKey(windows) => windows.prefetch(hash),
        }
    }

    fn feed(
        &mut self,
        (hash, key): (u32, K),
        timestamp: Option<Timestamp>,
        record: T,
    ) -> Result<Fed<T>, FeedError> {
        let time = time_of(self.domain, timestamp, self.watermark())?;
        match &mut self.windows {
            Sliced::Tables(windows) => {
                Ok(windows.feed((hash, &key), (time, record), &self.fold)?)
            }
            Sliced::ByKey(windows) => {
                let asked = AskedKey { hash, is: |known: &K| *known == key, make: || key.clone() };
                Ok(windows.feed(asked, time, record, &self.fold))
            }
        }
    }

    #[inline(always)]
    fn has_short_way(&self, timestamp: Option<Timestamp>) -> bool {
        let Sliced::Tables(windows) = &self.windows else { return false };
        let time = time_of(self.domain, timestamp, windows.watermark());
        time.is_ok_and(|time| windows.has_short_way(time))
    }

    #[inline(always)]
    fn add(&mut self, key: (u32, &K), record: T) -> Result<(), StateError> {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.add(key, record, &self.fold),
            Sliced::ByKey(_) => unreachable!("there is no short way"),
        }
    }

    fn advance(&mut self, watermark: Watermark) {
        if self.domain == TimeDomain::EventTime {
            self.advance_to(watermark);
        }
    }

    fn advance_clock(&mut self, now: Timestamp) {
        if self.domain == TimeDomain::ProcessingTime {
            self.advance_to(clock_watermark(now));
        }
    }

    #[inline]
    fn next_fired(&mut self) -> Option<Fired<K, TimeWindow, F::Accumulator>> {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.next_fired(&self.fold),
            Sliced::ByKey(windows) => windows.next_fired(&self.fold),
        }
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        let due = match &self.windows {
            Sliced::Tables(windows) => windows.next_due(),
            Sliced::ByKey(windows) => windows.next_due(),
        };
        due.filter(|_| self.domain == TimeDomain::ProcessingTime).map(|due| due.plus_millis(1))
    }

    fn layout(&self) -> String {
        match &self.windows {
            Sliced::Tables(windows) => windows.grid().to_string(),
            Sliced::ByKey(windows) => windows.grid().to_string(),
        }
    }

    fn freeze(&mut self, groups: MaxParallelism) -> KeptOf<T, K, Self> {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.freeze(groups, self.domain),
            Sliced::ByKey(windows) => Kept::of(windows.images(self.domain)),
        }
    }

    fn put_back(&mut self, hash: u32, image: ImageOf<T, K, Self>) -> Result<(), NotTaken> {
        check_domain(&image.piece, self.domain)?;
        match &mut self.windows {
            Sliced::Tables(windows) => windows.put_back(hash, image),
            Sliced::ByKey(windows) => Ok(windows.put_back(hash, image)?),
        }
    }

    fn put_back_reached(&mut self, group: HashRange, from: (u32, Timestamp)) -> Result<(), Unfit> {
        match &mut self.windows {
            Sliced::Tables(windows) => windows.put_back_reached(group, from),
            Sliced::ByKey(_) => Err(Unfit("how far all windows had fired, not those of each key")),
        }
    }

    fn finish_restore(&mut self, fired: Vec<FiredOf<T, K, Self>>) -> Result<(), Unfit> {
        match &mut self.windows {
            Sliced::Tables(windows) => {
                windows.finish_restore(self.domain, fired);
                Ok(())
            }
            Sliced::ByKey(windows) => windows.finish_restore(fired),
        }
    }
}
