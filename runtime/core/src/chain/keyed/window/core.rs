//! The cores behind one trait.

use crate::{
    Record,
    error::Error,
    graph::MaxParallelism,
    record::Key,
    state::{HashRange, StateError, Supply},
    time::{
        Timestamp, Watermark,
        window::{
            AskedKey, Fed, Fired, Fold, Image, Keep, Kept, NotTaken, Piece, SessionWindows,
            TimeDomain, TimeWindow, Trigger, TriggeredWindows, Unfit, Window, WindowAssigner,
            assigner::{SessionGap, SessionWindowsAssigner},
        },
    },
};

/// A record without a timestamp came into event time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a record has no timestamp, but its windows are in event time: call \
     assign_timestamps_and_watermarks() on the stream before, or use processing-time windows"
)]
pub struct Untimed;

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It has no timestamp.
    #[error(transparent)]
    Untimed(#[from] Untimed),
    /// There is no memory for it.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Holds the windows of one subtask.
pub trait WindowCore<T, K> {
    /// The kind of its windows.
    type Window: Window;
    /// What they hold when they fire.
    type Content: Record;
    /// What is kept of them until then.
    type Kept: Record;
    /// What their trigger remembers.
    type Memory: Record;

    /// Brings what is kept under a hash into the cache.
    fn prefetch(&mut self, hash: u32);

    /// Takes a record.
    fn feed(
        &mut self,
        key: (u32, K),
        timestamp: Option<Timestamp>,
        record: T,
    ) -> Result<Fed<T>, FeedError>;

    /// Whether [`WindowCore::add`] takes a record of this time; so with most, where a core has it.
    #[inline(always)]
    fn has_short_way(&self, _timestamp: Option<Timestamp>) -> bool {
        false
    }

    /// As [`WindowCore::feed`], for records with which nothing fires and none is late.
    fn add(&mut self, _key: (u32, &K), _record: T) -> Result<(), StateError> {
        unreachable!("there is no short way")
    }

    /// Event time has come this far.
    fn advance(&mut self, watermark: Watermark);

    /// The clock has come this far.
    fn advance_clock(&mut self, now: Timestamp);

    /// The next result.
    fn next_fired(&mut self) -> Option<Fired<K, Self::Window, Self::Content>>;

    /// When the clock is next waited for.
    fn next_clock(&mut self) -> Option<Timestamp>;

    /// How contents are cut, in words: state that is cut differently does not fit.
    fn layout(&self) -> String;

    /// All that is kept; what lies in managed memory is shared, not copied.
    fn freeze(&mut self, groups: MaxParallelism) -> KeptOf<T, K, Self>;

    /// Takes back what was kept of a key with this hash, but for results.
    fn put_back(&mut self, hash: u32, image: ImageOf<T, K, Self>) -> Result<(), NotTaken>;

    /// Takes back up to when windows had fired, of the keys of a group with this hash and behind it.
    fn put_back_reached(
        &mut self,
        _group: HashRange,
        _from: (u32, Timestamp),
    ) -> Result<(), Unfit> {
        Err(Unfit("how far windows had fired, which these keep for each key"))
    }

    /// All was taken back but the results that waited, in order.
    fn finish_restore(&mut self, fired: Vec<FiredOf<T, K, Self>>) -> Result<(), Unfit>;
}

/// A piece of what a core keeps.
pub type PieceOf<T, K, C> = Piece<
    <C as WindowCore<T, K>>::Window,
    <C as WindowCore<T, K>>::Kept,
    <C as WindowCore<T, K>>::Memory,
    <C as WindowCore<T, K>>::Content,
>;

/// A piece of what a core keeps, with its key.
pub type ImageOf<T, K, C> = Image<K, PieceOf<T, K, C>>;

/// All that a core keeps.
pub type KeptOf<T, K, C> = Kept<
    K,
    <C as WindowCore<T, K>>::Window,
    <C as WindowCore<T, K>>::Kept,
    <C as WindowCore<T, K>>::Memory,
    <C as WindowCore<T, K>>::Content,
>;

/// A result of a core.
pub type FiredOf<T, K, C> =
    Fired<K, <C as WindowCore<T, K>>::Window, <C as WindowCore<T, K>>::Content>;

/// Checks that a timer goes by the clock that windows go by.
pub(super) fn check_domain<W, C, S, O>(
    piece: &Piece<W, C, S, O>,
    own: TimeDomain,
) -> Result<(), Unfit> {
    match piece {
        Piece::Timer { domain, .. } if *domain != own => Err(Unfit("timers of another clock")),
        _ => Ok(()),
    }
}

/// A core as the program described it.
pub trait CoreTemplate<T, K>: Clone + Send + 'static {
    /// Its running form.
    type Core: WindowCore<T, K> + 'static;

    /// Builds it for one subtask.
    ///
    /// # Errors
    /// If there is no memory for it.
    fn build(&self, context: &CoreContext<'_>) -> Result<Self::Core, Error>;
}

/// What a core may need of its subtask.
#[derive(Clone, Copy)]
pub struct CoreContext<'a> {
    /// All key groups.
    pub max_parallelism: MaxParallelism,
    /// The hashes of the subtask's keys.
    pub hashes: HashRange,
    /// A share of managed memory, for those who keep something there.
    pub supply: &'a dyn Fn() -> Result<Supply, Error>,
}

impl std::fmt::Debug for CoreContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreContext").field("hashes", &self.hashes).finish_non_exhaustive()
    }
}

/// The clock as a watermark: windows by the clock end when it has passed their last millisecond.
pub(super) fn clock_watermark(now: Timestamp) -> Watermark {
    Watermark(now.plus_millis(-1))
}

/// The timestamp that a record's windows go by.
#[inline(always)]
pub(super) fn time_of(
    domain: TimeDomain,
    timestamp: Option<Timestamp>,
    clock: Watermark,
) -> Result<Timestamp, Untimed> {
    match domain {
        TimeDomain::EventTime => timestamp.ok_or(Untimed),
        TimeDomain::ProcessingTime => Ok(clock.0.plus_millis(1)),
    }
}

/// [`SessionWindows`] in either domain.
#[derive(Debug)]
pub struct SessionCore<K, F: Fold<T>, G, T> {
    pub(super) assigner: SessionWindowsAssigner<G>,
    pub(super) windows: SessionWindows<K, F::Accumulator>,
    pub(super) fold: F,
}

impl<T, K, F, G> WindowCore<T, K> for SessionCore<K, F, G, T>
where
    K: Key,
    F: Fold<T>,
    G: SessionGap<T>,
{
    type Window = TimeWindow;
    type Content = F::Accumulator;
    type Kept = F::Accumulator;
    type Memory = ();

    #[inline(always)]
    fn prefetch(&mut self, hash: u32) {
        self.windows.prefetch(hash);
    }

    #[inline(always)]
    fn feed(
        &mut self,
        (hash, key): (u32, K),
        timestamp: Option<Timestamp>,
        record: T,
    ) -> Result<Fed<T>, FeedError> {
        let time = time_of(self.assigner.domain(), timestamp, self.windows.watermark())?;
        let end = time.plus_millis(self.assigner.gap().gap_ms(&record));
        let asked = AskedKey { hash, is: |known: &K| *known == key, make: || key.clone() };
        Ok(self.windows.feed(asked, TimeWindow::new(time, end), record, &self.fold))
    }

    fn advance(&mut self, watermark: Watermark) {
        if self.assigner.domain() == TimeDomain::EventTime {
            self.windows.advance(watermark);
        }
    }

    fn advance_clock(&mut self, now: Timestamp) {
        if self.assigner.domain() == TimeDomain::ProcessingTime {
            self.windows.advance(clock_watermark(now));
        }
    }

    fn next_fired(&mut self) -> Option<Fired<K, TimeWindow, F::Accumulator>> {
        self.windows.next_fired()
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        let is_clock = self.assigner.domain() == TimeDomain::ProcessingTime;
        self.windows.next_due().filter(|_| is_clock).map(|due| due.plus_millis(1))
    }

    fn layout(&self) -> String {
        "sessions".to_string()
    }

    fn freeze(&mut self, _groups: MaxParallelism) -> KeptOf<T, K, Self> {
        Kept::of(self.windows.images(self.assigner.domain()))
    }

    fn put_back(&mut self, hash: u32, image: ImageOf<T, K, Self>) -> Result<(), NotTaken> {
        check_domain(&image.piece, self.assigner.domain())?;
        Ok(self.windows.put_back(hash, image)?)
    }

    fn finish_restore(&mut self, fired: Vec<FiredOf<T, K, Self>>) -> Result<(), Unfit> {
        self.windows.finish_restore(fired)
    }
}

/// [`TriggeredWindows`].
pub struct TriggeredCore<T, K, A, R, C>
where
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    pub(super) domain: TimeDomain,
    pub(super) windows: TriggeredWindows<T, K, A, R, C>,
}

impl<T, K, A, R, C> WindowCore<T, K> for TriggeredCore<T, K, A, R, C>
where
    T: Clone,
    K: Key,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    type Window = A::Window;
    type Content = C::Out;
    type Kept = C::Kept;
    type Memory = R::State;

    fn prefetch(&mut self, hash: u32) {
        self.windows.prefetch(hash);
    }

    fn feed(
        &mut self,
        key: (u32, K),
        timestamp: Option<Timestamp>,
        record: T,
    ) -> Result<Fed<T>, FeedError> {
        if self.domain == TimeDomain::EventTime && timestamp.is_none() {
            return Err(Untimed.into());
        }
        Ok(self.windows.feed(key, timestamp, record))
    }

    fn advance(&mut self, watermark: Watermark) {
        self.windows.advance(watermark);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        self.windows.advance_clock(now);
    }

    fn next_fired(&mut self) -> Option<Fired<K, A::Window, C::Out>> {
        self.windows.next_fired()
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        self.windows.next_processing_time()
    }

    fn layout(&self) -> String {
        "windows with a trigger".to_string()
    }

    fn freeze(&mut self, _groups: MaxParallelism) -> KeptOf<T, K, Self> {
        Kept::of(self.windows.images())
    }

    fn put_back(&mut self, hash: u32, image: ImageOf<T, K, Self>) -> Result<(), NotTaken> {
        Ok(self.windows.put_back(hash, image)?)
    }

    fn finish_restore(&mut self, fired: Vec<FiredOf<T, K, Self>>) -> Result<(), Unfit> {
        self.windows.finish_restore(fired);
        Ok(())
    }
}
