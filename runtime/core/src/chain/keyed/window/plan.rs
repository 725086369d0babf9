//! Which core a program's windows get.

use std::marker::PhantomData;

use super::{
    core::{CoreContext, CoreTemplate, SessionCore, TriggeredCore},
    sliced::{Sliced, SlicedCore},
};
use crate::{
    Record,
    error::Error,
    record::Key,
    time::window::{
        AllowedLateness, Buffered, Collected, Fold, Folded, Keep, PanedWindows, SLICES_MAX,
        SessionWindows, SlicedWindows, Trigger, TriggeredWindows, WindowAssigner, WindowRules,
        assigner::{GlobalWindows, PeriodicWindows, SessionGap, SessionWindowsAssigner},
        evictor::Evictor,
        trigger::NeverTrigger,
    },
};

/// The trigger that an assigner's windows have by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByDefault;

/// A trigger that the program chose.
#[derive(Clone, Copy, Debug)]
pub struct WithTrigger<R>(pub(crate) R);

/// A trigger and an evictor.
#[derive(Clone, Copy, Debug)]
pub struct WithEvictor<R, E> {
    pub(crate) trigger: R,
    pub(crate) evictor: E,
}

/// How records are folded, and how long windows are kept.
#[derive(Clone, Copy, Debug)]
pub struct FoldPlan<F> {
    /// Folds records.
    pub fold: F,
    /// How long windows are kept.
    pub lateness: AllowedLateness,
}

/// Chooses the core of windows of an assigner whose records are folded by `F`. For pairs of an
/// assigner and [`ByDefault`], [`WithTrigger`] or [`WithEvictor`].
pub trait PlanWindows<T, K, F: Fold<T>> {
    /// The core's template.
    type Plan: CoreTemplate<T, K, Core: super::WindowCore<T, K, Content = F::Accumulator>>;

    /// Chooses it.
    fn plan(self, fold: FoldPlan<F>) -> Self::Plan;
}

/// Describes a [`SlicedCore`].
#[derive(Clone, Copy, Debug)]
pub struct SlicedPlan<F> {
    windows: PeriodicWindows,
    fold: FoldPlan<F>,
}

impl<T, K, F> CoreTemplate<T, K> for SlicedPlan<F>
where
    T: Record,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
{
    type Core = SlicedCore<K, F, T>;

    fn build(&self, context: &CoreContext<'_>) -> Result<SlicedCore<K, F, T>, Error> {
        let FoldPlan { fold, lateness } = self.fold.clone();
        let grid = self.windows.grid();
        let windows = if F::IS_LIST || grid.slices_per_window() > SLICES_MAX {
            Sliced::ByKey(SlicedWindows::new(grid, lateness))
        } else {
            let supply = (context.supply)()?;
            Sliced::Tables(PanedWindows::new((grid, lateness), context.hashes, supply))
        };
        Ok(SlicedCore { domain: self.windows.domain(), windows, fold })
    }
}

impl<T, K, F> PlanWindows<T, K, F> for (PeriodicWindows, ByDefault)
where
    T: Record,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
{
    type Plan = SlicedPlan<F>;

    fn plan(self, fold: FoldPlan<F>) -> SlicedPlan<F> {
        SlicedPlan { windows: self.0, fold }
    }
}

/// Describes a [`SessionCore`].
#[derive(Clone, Copy, Debug)]
pub struct SessionPlan<G, F> {
    assigner: SessionWindowsAssigner<G>,
    fold: FoldPlan<F>,
}

impl<T, K, F, G> CoreTemplate<T, K> for SessionPlan<G, F>
where
    T: Record,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
    G: SessionGap<T>,
{
    type Core = SessionCore<K, F, G, T>;

    fn build(&self, _context: &CoreContext<'_>) -> Result<SessionCore<K, F, G, T>, Error> {
        let FoldPlan { fold, lateness } = self.fold.clone();
        let (assigner, windows) = (self.assigner.clone(), SessionWindows::new(lateness));
        Ok(SessionCore { assigner, windows, fold })
    }
}

impl<T, K, F, G> PlanWindows<T, K, F> for (SessionWindowsAssigner<G>, ByDefault)
where
    T: Record,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
    G: SessionGap<T>,
{
    type Plan = SessionPlan<G, F>;

    fn plan(self, fold: FoldPlan<F>) -> SessionPlan<G, F> {
        SessionPlan { assigner: self.0, fold }
    }
}

/// Describes a [`TriggeredCore`].
pub struct TriggeredPlan<T, A, R, C> {
    rules: WindowRules<A, R, C>,
    record: PhantomData<fn(T)>,
}

impl<T, A: Clone, R: Clone, C: Clone> Clone for TriggeredPlan<T, A, R, C> {
    fn clone(&self) -> Self {
        Self { rules: self.rules.clone(), record: PhantomData }
    }
}

impl<T, K, A, R, C> CoreTemplate<T, K> for TriggeredPlan<T, A, R, C>
where
    T: Record + Clone,
    K: Key,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    type Core = TriggeredCore<T, K, A, R, C>;

    fn build(&self, context: &CoreContext<'_>) -> Result<TriggeredCore<T, K, A, R, C>, Error> {
        let domain = self.rules.assigner.domain();
        let windows = TriggeredWindows::new(self.rules.clone(), context.max_parallelism);
        Ok(TriggeredCore { domain, windows })
    }
}

fn triggered<T, A, R, C>(rules: WindowRules<A, R, C>) -> TriggeredPlan<T, A, R, C> {
    TriggeredPlan { rules, record: PhantomData }
}

impl<T, K, F> PlanWindows<T, K, F> for (GlobalWindows, ByDefault)
where
    T: Record + Clone,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
{
    type Plan = TriggeredPlan<T, GlobalWindows, NeverTrigger, Folded<F>>;

    fn plan(self, plan: FoldPlan<F>) -> Self::Plan {
        let (assigner, keep, lateness) = (self.0, Folded(plan.fold), plan.lateness);
        triggered(WindowRules { assigner, trigger: NeverTrigger, keep, lateness })
    }
}

impl<T, K, F, A, R> PlanWindows<T, K, F> for (A, WithTrigger<R>)
where
    T: Record + Clone,
    K: Key,
    F: Fold<T> + Clone + Send + 'static,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
{
    type Plan = TriggeredPlan<T, A, R, Folded<F>>;

    fn plan(self, plan: FoldPlan<F>) -> Self::Plan {
        let (assigner, WithTrigger(trigger)) = self;
        let (keep, lateness) = (Folded(plan.fold), plan.lateness);
        triggered(WindowRules { assigner, trigger, keep, lateness })
    }
}

impl<T, K, A, R, E> PlanWindows<T, K, Collected> for (A, WithEvictor<R, E>)
where
    T: Record + Clone,
    K: Key,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    E: Evictor<T, A::Window>,
{
    type Plan = TriggeredPlan<T, A, R, Buffered<E>>;

    fn plan(self, plan: FoldPlan<Collected>) -> Self::Plan {
        let (assigner, WithEvictor { trigger, evictor }) = self;
        let (keep, lateness) = (Buffered(evictor), plan.lateness);
        triggered(WindowRules { assigner, trigger, keep, lateness })
    }
}
