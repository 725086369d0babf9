//! Windows over keyed streams.

use std::{marker::PhantomData, time::Duration};

use super::{KeyedStream, Reduce, stream::DataStream};
use crate::{
    Record,
    chain::{
        Aggregate, Collector, KeyedProcess, KeyedProcessFunction, KeyedTemplate, Template,
        window::{
            Apply, ByDefault, CoreTemplate, FoldOf, FoldPlan, PlanWindows, ProcessWindowFunction,
            ResultOf, WindowCore, Windowed, WithEvictor, WithTrigger,
        },
    },
    graph::StreamNode,
    record::selector::KeySelector,
    task::OutputTag,
    time::window::{
        AllowedLateness, Collected, Fired, Fold, WindowAssigner,
        assigner::GlobalWindows,
        evictor::CountEvictor,
        trigger::{CountTrigger, PurgingTrigger},
    },
};

/// A keyed stream in windows. `A` assigns records to them; `R` says what makes them fire, by
/// default what the assigner's windows have by themselves.
pub struct WindowedStream<T, C, S, A, R = ByDefault> {
    keyed: KeyedStream<T, C, S>,
    assigner: A,
    firing: R,
    lateness: AllowedLateness,
    late: Option<OutputTag<T>>,
}

type PlanOf<T, S, A, R, F> = <(A, R) as PlanWindows<T, <S as KeySelector<T>>::Key, F>>::Plan;

type CoreOf<T, S, A, R, F> =
    <PlanOf<T, S, A, R, F> as CoreTemplate<T, <S as KeySelector<T>>::Key>>::Core;

/// The windows of a program whose records are folded by `F`.
pub type WindowOf<T, S, A, R, F> =
    <CoreOf<T, S, A, R, F> as WindowCore<T, <S as KeySelector<T>>::Key>>::Window;

/// The template of windows.
pub type WindowChain<T, S, A, R, F, P> = KeyedTemplate<T, Windowed<T, S, PlanOf<T, S, A, R, F>, P>>;

/// What a function makes of windows whose records are folded by `F`.
type MadeOf<T, S, A, R, F, P> = <P as ProcessWindowFunction<
    <S as KeySelector<T>>::Key,
    WindowOf<T, S, A, R, F>,
    <F as Fold<T>>::Accumulator,
>>::Out;

/// The results of windows.
pub type WindowStream<T, S, A, R, F, P> =
    DataStream<MadeOf<T, S, A, R, F, P>, WindowChain<T, S, A, R, F, P>>;

/// The fold of an aggregation over windows.
type AggregateFold<T, S, G> = FoldOf<G, <S as KeySelector<T>>::Key>;

/// The results of an aggregation over windows.
pub type AggregateStream<T, S, A, R, G> =
    WindowStream<T, S, A, R, AggregateFold<T, S, G>, ResultOf<G, T>>;

/// What a function makes of aggregated windows.
pub type AggregateWithStream<T, S, A, R, G, P> =
    WindowStream<T, S, A, R, AggregateFold<T, S, G>, P>;

/// The results of a reduction over windows.
pub type ReduceStream<T, S, A, R, F> = AggregateStream<T, S, A, R, Reduce<F>>;

/// What a function makes of windows' records.
pub type ProcessStream<T, S, A, R, P> = WindowStream<T, S, A, R, Collected, P>;

/// What a closure makes of windows' records.
pub type ApplyStream<T, S, A, R, F, U> =
    DataStream<U, WindowChain<T, S, A, R, Collected, Apply<F, U>>>;

/// What a function with timers makes.
pub type TimedStream<T, S, F> = DataStream<
    <F as KeyedProcessFunction<<S as KeySelector<T>>::Key, T>>::Out,
    KeyedTemplate<T, KeyedProcess<T, S, F>>,
>;

impl<T: Record, C: Template<Out = T>, S: KeySelector<T>> KeyedStream<T, C, S> {
    /// Puts the records of each key into windows.
    pub fn window<A: WindowAssigner<T>>(self, assigner: A) -> WindowedStream<T, C, S, A> {
        let (firing, lateness) = (ByDefault, AllowedLateness::ZERO);
        WindowedStream { keyed: self, assigner, firing, lateness, late: None }
    }

    /// Windows of `count` records of a key, one after the other.
    ///
    /// # Panics
    /// If `count` is zero.
    pub fn count_window(
        self,
        count: u64,
    ) -> WindowedStream<T, C, S, GlobalWindows, WithTrigger<PurgingTrigger<CountTrigger>>> {
        self.window(GlobalWindows).trigger(PurgingTrigger::of(CountTrigger::of(count)))
    }

    /// With each `slide` records of a key, its last `size`.
    ///
    /// # Panics
    /// If `slide` is zero.
    pub fn sliding_count_window(
        self,
        size: usize,
        slide: u64,
    ) -> WindowedStream<T, C, S, GlobalWindows, WithEvictor<CountTrigger, CountEvictor>> {
        let windows = self.window(GlobalWindows).trigger(CountTrigger::of(slide));
        windows.evictor(CountEvictor::of(size))
    }

    /// Whatever a function with timers makes.
    pub fn process<F>(self, function: F) -> TimedStream<T, S, F>
    where
        F: KeyedProcessFunction<S::Key, T>,
    {
        let (program, node, selector) = self.add_keyed(StreamNode::operator("Keyed Process"));
        let operator = KeyedProcess { selector, function, record: PhantomData };
        DataStream::of_node(program, node, KeyedTemplate { node, operator, record: PhantomData })
    }
}

impl<T, C, S, A> WindowedStream<T, C, S, A> {
    /// Says what makes windows fire, instead of what they do by themselves.
    pub fn trigger<R>(self, trigger: R) -> WindowedStream<T, C, S, A, WithTrigger<R>> {
        let Self { keyed, assigner, lateness, late, .. } = self;
        WindowedStream { keyed, assigner, firing: WithTrigger(trigger), lateness, late }
    }
}

impl<T, C, S, A, R> WindowedStream<T, C, S, A, WithTrigger<R>> {
    /// Says which records leave a window when it fires. All records are kept, and the functions
    /// are those over lists of records.
    pub fn evictor<E>(self, evictor: E) -> WindowedStream<T, C, S, A, WithEvictor<R, E>> {
        let Self { keyed, assigner, firing: WithTrigger(trigger), lateness, late } = self;
        let firing = WithEvictor { trigger, evictor };
        WindowedStream { keyed, assigner, firing, lateness, late }
    }
}

impl<T, C, S, A, R> WindowedStream<T, C, S, A, R>
where
    T: Record,
    C: Template<Out = T>,
    S: KeySelector<T>,
{
    /// Keeps windows for so long after their end; a record that comes in that time fires them
    /// again. Event time only.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.lateness = AllowedLateness::new(lateness);
        self
    }

    /// Sends records that come after their windows are gone to a side output, which is read with
    /// [`DataStream::side_output`]; otherwise they are dropped and counted.
    #[must_use]
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Self {
        self.late = Some(tag.clone());
        self
    }

    fn operator<F, P>(self, name: &str, fold: F, function: P) -> WindowStream<T, S, A, R, F, P>
    where
        F: Fold<T>,
        (A, R): PlanWindows<T, S::Key, F>,
        P: ProcessWindowFunction<S::Key, WindowOf<T, S, A, R, F>, F::Accumulator>,
    {
        let Self { keyed, assigner, firing, lateness, late } = self;
        let plan = (assigner, firing).plan(FoldPlan { fold, lateness });
        let (program, node, selector) = keyed.add_keyed(StreamNode::operator(name));
        let operator = Windowed { selector, plan, function, late };
        DataStream::of_node(program, node, KeyedTemplate { node, operator, record: PhantomData })
    }

    /// Aggregates the records of each key and window one by one; a window gives its result.
    pub fn aggregate<G>(self, aggregate: G) -> AggregateStream<T, S, A, R, G>
    where
        T: Clone,
        G: Aggregate<T, S::Key, Accumulator: Clone>,
        (A, R): PlanWindows<T, S::Key, AggregateFold<T, S, G>>,
    {
        let function = ResultOf::new(aggregate.clone());
        self.operator("Window Aggregate", FoldOf::new(aggregate), function)
    }

    /// Aggregates the records of each key and window one by one; a window's accumulator is given
    /// to a function that knows key and window.
    pub fn aggregate_with<G, P>(
        self,
        aggregate: G,
        function: P,
    ) -> AggregateWithStream<T, S, A, R, G, P>
    where
        G: Aggregate<T, S::Key, Accumulator: Clone>,
        (A, R): PlanWindows<T, S::Key, AggregateFold<T, S, G>>,
        P: ProcessWindowFunction<
                S::Key,
                WindowOf<T, S, A, R, AggregateFold<T, S, G>>,
                G::Accumulator,
            >,
    {
        self.operator("Window Aggregate", FoldOf::new(aggregate), function)
    }

    /// Folds the records of each key and window into one: `reduce(so_far, next)`.
    pub fn reduce<F>(self, reduce: F) -> ReduceStream<T, S, A, R, F>
    where
        T: Clone,
        F: Fn(&mut T, T) + Clone + Send + 'static,
        (A, R): PlanWindows<T, S::Key, AggregateFold<T, S, Reduce<F>>>,
    {
        self.aggregate(Reduce(reduce))
    }

    /// Gives all records of a key and window to a function, when the window fires.
    pub fn process<P>(self, function: P) -> ProcessStream<T, S, A, R, P>
    where
        T: Clone,
        (A, R): PlanWindows<T, S::Key, Collected>,
        P: ProcessWindowFunction<S::Key, WindowOf<T, S, A, R, Collected>, Vec<T>>,
    {
        self.operator("Window Process", Collected, function)
    }

    /// Gives all records of a key and window to a closure, when the window fires.
    pub fn apply<U, F>(self, function: F) -> ApplyStream<T, S, A, R, F, U>
    where
        T: Clone,
        U: Record,
        (A, R): PlanWindows<T, S::Key, Collected>,
        F: FnMut(Fired<S::Key, WindowOf<T, S, A, R, Collected>, Vec<T>>, &mut Collector<U>)
            + Clone
            + Send
            + 'static,
    {
        self.operator("Window Apply", Collected, Apply::new(function))
    }
}

impl<T, C, S, A, R> std::fmt::Debug for WindowedStream<T, C, S, A, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowedStream").field("lateness", &self.lateness).finish_non_exhaustive()
    }
}
