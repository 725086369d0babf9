//! The operator over a core: keys, late records, the function over what fires.

use std::marker::PhantomData;

use super::{
    core::{CoreContext, CoreTemplate, FeedError, WindowCore},
    function::ProcessWindowFunction,
};
use crate::{
    Record,
    chain::Guard,
    chain::keyed::operator::{KeyedOperator, OperatorTemplate, OperatorTurn, Taken},
    chain::keyed::window_state::{KeyGroups, restore, snapshot},
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    record::selector::KeySelector,
    task::flow::Flow,
    task::{BuildContext, OutputTag, RuntimeContext, snapshot::OperatorSnapshot},
    time::{
        Timestamp, Watermark,
        window::{Fed, Fires, Window},
    },
};

/// The template of windows.
pub struct Windowed<T, S, P, F> {
    pub(crate) selector: S,
    pub(crate) plan: P,
    pub(crate) function: F,
    /// Where late records go; without it they are dropped.
    pub(crate) late: Option<OutputTag<T>>,
}

impl<T, S: Clone, P: Clone, F: Clone> Clone for Windowed<T, S, P, F> {
    fn clone(&self) -> Self {
        let Self { selector, plan, function, late } = self;
        let (selector, plan, function) = (selector.clone(), plan.clone(), function.clone());
        Self { selector, plan, function, late: late.clone() }
    }
}

/// Windows in a running chain.
pub struct RunningWindows<T, S, C, F> {
    selector: S,
    core: C,
    function: F,
    late: Option<OutputTag<T>>,
    groups: KeyGroups,
    record: PhantomData<fn(T)>,
}

type WindowOf<P, T, K> = <<P as CoreTemplate<T, K>>::Core as WindowCore<T, K>>::Window;
type ContentOf<P, T, K> = <<P as CoreTemplate<T, K>>::Core as WindowCore<T, K>>::Content;

impl<T, S, P, F> OperatorTemplate<T> for Windowed<T, S, P, F>
where
    T: Record,
    S: KeySelector<T>,
    P: CoreTemplate<T, S::Key>,
    F: ProcessWindowFunction<S::Key, WindowOf<P, T, S::Key>, ContentOf<P, T, S::Key>>,
{
    type Out = F::Out;
    type Running = RunningWindows<T, S, P::Core, F>;

    fn build(&self, node: NodeId, cx: &BuildContext) -> Result<Self::Running, Error> {
        let (own, all) = cx.owned_key_groups();
        let groups = KeyGroups { all, own };
        let Self { selector, plan, function, late } = self.clone();
        let supply = || cx.supply(node, None);
        let hashes = cx.owned_hashes();
        let mut core =
            plan.build(&CoreContext { max_parallelism: all, hashes, supply: &supply })?;
        restore(&mut core, &cx.restored(node), groups).map_err(|cause| cx.error(node, cause))?;
        Ok(RunningWindows { selector, core, function, late, groups, record: PhantomData })
    }
}

impl<T, S, C, F> KeyedOperator<T> for RunningWindows<T, S, C, F>
where
    T: Record,
    S: KeySelector<T>,
    C: WindowCore<T, S::Key>,
    F: ProcessWindowFunction<S::Key, C::Window, C::Content>,
{
    type Out = F::Out;

    fn open(&mut self, runtime: &mut RuntimeContext) -> Result<(), BoxError> {
        self.function.open(runtime)
    }

    #[inline(always)]
    fn look_ahead(&mut self, key_hash: u32) {
        self.core.prefetch(key_hash);
    }

    #[inline(always)]
    fn element(&mut self, hash: u32, record: T, turn: &mut OperatorTurn<'_, F::Out>) -> Taken {
        let timestamp = turn.cx.timestamp();
        let guard = Guard::enter(turn.node);
        let key = self.selector.key(&record);
        if self.core.has_short_way(timestamp) {
            let added = self.core.add((hash, &key), record);
            guard.leave();
            return match added {
                Ok(()) => Taken::Done(Flow::Continue),
                Err(error) => Taken::Done(turn.cx.fail(turn.node, error.into())),
            };
        }
        let fed = self.core.feed((hash, key), timestamp, record);
        guard.leave();
        match fed {
            Ok(Fed::Taken(Fires::Nothing) | Fed::Outside) => Taken::Done(Flow::Continue),
            Ok(Fed::Taken(Fires::Results)) => Taken::Fires,
            Ok(Fed::Late(record)) => Taken::Done(self.on_late(record, turn)),
            Err(error) => {
                let cause = match error {
                    FeedError::Untimed(untimed) => TaskError::Function(untimed.into()),
                    FeedError::State(error) => error.into(),
                };
                Taken::Done(turn.cx.fail(turn.node, cause))
            }
        }
    }

    fn advance(&mut self, watermark: Watermark) {
        self.core.advance(watermark);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        self.core.advance_clock(now);
    }

    #[inline]
    fn fire_next(&mut self, turn: &mut OperatorTurn<'_, F::Out>) -> Option<Flow> {
        let fired = Guard::run(turn.node, || self.core.next_fired())?;
        turn.cx.set_timestamp(Some(fired.window.max_timestamp()));
        let function = &mut self.function;
        Some(turn.call(|context, out| function.process(fired, context, out)))
    }

    fn next_clock(&mut self) -> Option<Timestamp> {
        self.core.next_clock()
    }

    fn snapshot(&mut self, out: &mut OperatorSnapshot) {
        out.keyed.extend(snapshot(&mut self.core, self.groups));
    }

    fn close(&mut self) {
        self.function.close();
    }
}

impl<T: Record, S, C, F> RunningWindows<T, S, C, F> {
    #[cold]
    fn on_late<U>(&mut self, record: T, turn: &mut OperatorTurn<'_, U>) -> Flow {
        turn.cx.metrics.count_late_dropped(u64::from(self.late.is_none()));
        match &self.late {
            Some(tag) => turn.call(|context, _| {
                context.output(tag, record);
                Ok(())
            }),
            None => Flow::Continue,
        }
    }
}
