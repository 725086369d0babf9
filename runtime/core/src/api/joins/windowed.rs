//! `join` and `co_group`: records of two streams that have a key and a window in common.
//!
//! Both streams are read as one, each record tagged with the stream it is of, and put into windows
//! like any other.

use std::{marker::PhantomData, time::Duration};

use crate::{
    Record,
    api::{DataStream, KeyedStream, ProcessStream, WindowOf, WindowedStream},
    chain::{
        Collector, EitherKey, Exchanged, OneOf, Template,
        joins::{EachPair, Grouped},
        window::{Apply, ByDefault, PlanWindows, ProcessWindowFunction, WithEvictor, WithTrigger},
    },
    record::selector::KeySelector,
    task::OutputTag,
    time::window::{Collected, Fired, WindowAssigner},
};

/// Two streams of which pairs are wanted: see [`DataStream::join`].
#[derive(Clone, Copy, Debug)]
pub enum Pairs {}

/// Two streams of which all records of a key and window are wanted: see [`DataStream::co_group`].
#[derive(Clone, Copy, Debug)]
pub enum Groups {}

/// Two streams to be joined; `M` is [`Pairs`] or [`Groups`].
#[derive(Debug)]
pub struct JoinedStreams<A, C, B, D, M> {
    first: DataStream<A, C>,
    second: DataStream<B, D>,
    wanted: PhantomData<M>,
}

/// The same, the first one's key being known.
#[derive(Debug)]
pub struct JoinedWhere<A, C, B, D, S, M> {
    first: KeyedStream<A, C, S>,
    second: DataStream<B, D>,
    wanted: PhantomData<M>,
}

/// The same, both keys being known.
#[derive(Debug)]
pub struct JoinedKeys<A, B, S, R, M> {
    keyed: KeyedStream<OneOf<A, B>, Exchanged<OneOf<A, B>>, EitherKey<S, R>>,
    wanted: PhantomData<M>,
}

/// The same in windows.
pub struct JoinedWindows<A, B, S, R, W, Q, M> {
    windows: BothInWindows<A, B, S, R, W, Q>,
    wanted: PhantomData<M>,
}

/// Two streams in windows, as one.
type BothInWindows<A, B, S, R, W, Q> =
    WindowedStream<OneOf<A, B>, Exchanged<OneOf<A, B>>, EitherKey<S, R>, W, Q>;

/// The windows of two streams.
type BothOf<A, B, S, R, W, Q> = WindowOf<OneOf<A, B>, EitherKey<S, R>, W, Q, Collected>;

/// What a function makes of the records of two streams in windows.
pub type CoGroupedStream<A, B, S, R, W, Q, F> =
    ProcessStream<OneOf<A, B>, EitherKey<S, R>, W, Q, Grouped<F>>;

/// What a function makes of pairs.
pub type JoinedStream<A, B, S, R, W, Q, F, U> = CoGroupedStream<A, B, S, R, W, Q, EachPair<F, U>>;

impl<A: Record, C: Template<Out = A>> DataStream<A, C> {
    /// Joins this stream with another one: each pair of their records that have a key and a window in
    /// common goes to a function. What has no partner is dropped.
    ///
    /// ```
    /// use brisk_core::{api::StreamExecutionEnvironment, time::{Timestamp, WatermarkStrategy}};
    /// use brisk_core::time::window::assigner::TumblingEventTimeWindows;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), brisk_core::Error> {
    /// let env = StreamExecutionEnvironment::new()?;
    /// let in_time = || {
    ///     WatermarkStrategy::for_monotonous_timestamps()
    ///         .with_timestamp_assigner(|(_, at): &(u32, i64), _| Timestamp::from_millis(*at))
    /// };
    /// let orders = env.from_collection(vec![(7u32, 1_000i64), (8, 2_000)]);
    /// let clicks = env.from_collection(vec![(7u32, 3_000i64), (7, 61_000)]);
    /// let joined = orders
    ///     .assign_timestamps_and_watermarks(in_time())
    ///     .join(clicks.assign_timestamps_and_watermarks(in_time()))
    ///     .where_(|order: &(u32, i64)| order.0)
    ///     .equal_to(|click: &(u32, i64)| click.0)
    ///     .window(TumblingEventTimeWindows::of(Duration::from_secs(60)))
    ///     .apply(|order, click| (order.0, order.1, click.1))
    ///     .collect();
    /// env.execute("orders and clicks of one minute")?;
    /// assert_eq!(joined.take(), [(7, 1_000, 3_000)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn join<B, D>(self, other: DataStream<B, D>) -> JoinedStreams<A, C, B, D, Pairs>
    where
        B: Record,
        D: Template<Out = B>,
    {
        JoinedStreams { first: self, second: other, wanted: PhantomData }
    }

    /// Groups this stream with another one: all records of both that have a key and a window in
    /// common go to a function at once, those of keys that only one stream has, too.
    pub fn co_group<B, D>(self, other: DataStream<B, D>) -> JoinedStreams<A, C, B, D, Groups>
    where
        B: Record,
        D: Template<Out = B>,
    {
        JoinedStreams { first: self, second: other, wanted: PhantomData }
    }
}

impl<A, B, C, D, M> JoinedStreams<A, C, B, D, M>
where
    A: Record,
    B: Record,
    C: Template<Out = A>,
    D: Template<Out = B>,
{
    /// Says what the key of the first stream's records is.
    pub fn where_<S: KeySelector<A>>(self, selector: S) -> JoinedWhere<A, C, B, D, S, M> {
        let Self { first, second, wanted } = self;
        JoinedWhere { first: first.key_by(selector), second, wanted }
    }
}

impl<A, B, C, D, S, M> JoinedWhere<A, C, B, D, S, M>
where
    A: Record,
    B: Record,
    C: Template<Out = A>,
    D: Template<Out = B>,
    S: KeySelector<A>,
{
    /// Says what the key of the second stream's records is.
    pub fn equal_to<R>(self, selector: R) -> JoinedKeys<A, B, S, R, M>
    where
        R: KeySelector<B, Key = S::Key>,
        OneOf<A, B>: Record,
    {
        JoinedKeys::of(self.first, self.second.key_by(selector))
    }
}

impl<A: Record, C: Template<Out = A>, S: KeySelector<A>> KeyedStream<A, C, S> {
    /// As [`DataStream::join`], of streams that are keyed already.
    pub fn join<B, D, R>(self, other: KeyedStream<B, D, R>) -> JoinedKeys<A, B, S, R, Pairs>
    where
        B: Record,
        D: Template<Out = B>,
        R: KeySelector<B, Key = S::Key>,
        OneOf<A, B>: Record,
    {
        JoinedKeys::of(self, other)
    }

    /// As [`DataStream::co_group`], of streams that are keyed already.
    pub fn co_group<B, D, R>(self, other: KeyedStream<B, D, R>) -> JoinedKeys<A, B, S, R, Groups>
    where
        B: Record,
        D: Template<Out = B>,
        R: KeySelector<B, Key = S::Key>,
        OneOf<A, B>: Record,
    {
        JoinedKeys::of(self, other)
    }
}

impl<A, B, S, R, M> JoinedKeys<A, B, S, R, M>
where
    A: Record,
    B: Record,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
{
    fn of<C, D>(first: KeyedStream<A, C, S>, second: KeyedStream<B, D, R>) -> Self
    where
        C: Template<Out = A>,
        D: Template<Out = B>,
    {
        Self { keyed: first.connect(second).tagged(), wanted: PhantomData }
    }

    /// Puts the records of each key into windows, those of both streams into the same.
    pub fn window<W>(self, assigner: W) -> JoinedWindows<A, B, S, R, W, ByDefault, M>
    where
        W: WindowAssigner<OneOf<A, B>>,
    {
        JoinedWindows { windows: self.keyed.window(assigner), wanted: PhantomData }
    }
}

impl<A, B, S, R, W, M> JoinedWindows<A, B, S, R, W, ByDefault, M> {
    /// Says what makes windows fire, instead of what they do by themselves.
    pub fn trigger<P>(self, trigger: P) -> JoinedWindows<A, B, S, R, W, WithTrigger<P>, M> {
        JoinedWindows { windows: self.windows.trigger(trigger), wanted: PhantomData }
    }
}

impl<A, B, S, R, W, Q, M> JoinedWindows<A, B, S, R, W, WithTrigger<Q>, M> {
    /// Says which records leave a window when it fires.
    pub fn evictor<E>(self, evictor: E) -> JoinedWindows<A, B, S, R, W, WithEvictor<Q, E>, M> {
        JoinedWindows { windows: self.windows.evictor(evictor), wanted: PhantomData }
    }
}

impl<A, B, S, R, W, Q, M> JoinedWindows<A, B, S, R, W, Q, M>
where
    A: Record,
    B: Record,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
{
    /// Keeps windows for so long after their end; a record that comes in that time fires them again,
    /// with all that they have. Event time only.
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        Self { windows: self.windows.allowed_lateness(lateness), wanted: PhantomData }
    }

    /// Sends records that come after their windows are gone to a side output; otherwise they are
    /// dropped and counted.
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<OneOf<A, B>>) -> Self {
        Self { windows: self.windows.side_output_late_data(tag), wanted: PhantomData }
    }
}

impl<A, B, S, R, W, Q> JoinedWindows<A, B, S, R, W, Q, Groups>
where
    A: Record + Clone,
    B: Record + Clone,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
    (W, Q): PlanWindows<OneOf<A, B>, S::Key, Collected>,
{
    /// Gives all records of a key and window to a function, those of the first stream and those of
    /// the second. At least one of them is there.
    pub fn process<F>(self, function: F) -> CoGroupedStream<A, B, S, R, W, Q, F>
    where
        F: ProcessWindowFunction<S::Key, BothOf<A, B, S, R, W, Q>, (Vec<A>, Vec<B>)>,
    {
        self.windows.process(Grouped(function)).name("Co-Group")
    }

    /// The same with a closure.
    pub fn apply<U, F>(self, function: F) -> CoGroupedStream<A, B, S, R, W, Q, Apply<F, U>>
    where
        U: Record,
        F: FnMut(Fired<S::Key, BothOf<A, B, S, R, W, Q>, (Vec<A>, Vec<B>)>, &mut Collector<U>)
            + Clone
            + Send
            + 'static,
    {
        self.process(Apply::new(function))
    }
}

impl<A, B, S, R, W, Q> JoinedWindows<A, B, S, R, W, Q, Pairs>
where
    A: Record + Clone,
    B: Record + Clone,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
    (W, Q): PlanWindows<OneOf<A, B>, S::Key, Collected>,
{
    /// One record for each pair of a key and window, with the last timestamp of the window. What a
    /// window makes waits on the heap until there is room for it.
    pub fn apply<U, F>(
        self,
        mut function: F,
    ) -> JoinedStream<
        A,
        B,
        S,
        R,
        W,
        Q,
        impl FnMut(&A, &B, &mut Collector<U>) + Clone + Send + 'static,
        U,
    >
    where
        U: Record,
        F: FnMut(&A, &B) -> U + Clone + Send + 'static,
    {
        self.flat_apply(move |first: &A, second: &B, out: &mut Collector<U>| {
            out.collect(function(first, second));
        })
    }

    /// Any number of records for each pair of a key and window.
    pub fn flat_apply<U, F>(self, function: F) -> JoinedStream<A, B, S, R, W, Q, F, U>
    where
        U: Record,
        F: FnMut(&A, &B, &mut Collector<U>) + Clone + Send + 'static,
    {
        self.windows.process(Grouped(EachPair::new(function))).name("Window Join")
    }
}

impl<A, B, S, R, W, Q, M> std::fmt::Debug for JoinedWindows<A, B, S, R, W, Q, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinedWindows").field("windows", &self.windows).finish_non_exhaustive()
    }
}
