//! `assign_timestamps_and_watermarks`: where a stream gets its event time.

use brisk_memory::driver::Instant64;
use std::{marker::PhantomData, time::Duration};

use crate::{
    chain::{Chain, Guard, Link, Template},
    checkpoint::handle::{RedistributionMode, WATERMARK_GENERATORS, WATERMARKS},
    error::{Error, TaskError},
    graph::{NodeId, Parallelism, SubtaskIndex},
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx, snapshot::ListSnapshot},
    time::{
        WatermarkStrategy,
        watermark::{TimestampAssigner, WatermarkGenerator, WatermarkImage, WatermarkMaker},
    },
};

/// The template of a stage that gives records timestamps and a stream watermarks.
#[derive(Clone, Debug)]
pub struct AssignTimestamps<P, G, A> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) strategy: WatermarkStrategy<G, A>,
    /// Time between two periodic watermarks, if there are any.
    pub(crate) interval: Option<Duration>,
}

/// The stage in a running chain.
pub struct AssignStage<P: Template, G, A> {
    upstream: Link<P>,
    state: Assigning<P::Out, G, A>,
}

struct Assigning<T, G, A> {
    node: NodeId,
    place: (SubtaskIndex, Parallelism),
    maker: WatermarkMaker<G, A>,
    interval: Option<Duration>,
    /// When the next periodic watermark is due.
    next: Option<Instant64>,
    /// The time that a timer was set for: it wakes the task when no record does.
    wakes: Option<Instant64>,
    record: PhantomData<fn(T)>,
}

impl<P, G, A> Template for AssignTimestamps<P, G, A>
where
    P: Template,
    G: WatermarkGenerator<P::Out>,
    A: TimestampAssigner<P::Out>,
{
    type Out = P::Out;
    type Running = AssignStage<P, G, A>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let mut maker = self.strategy.build::<P::Out>();
        let place = (SubtaskIndex(cx.subtask()), Parallelism(cx.parallelism()));
        let restored = cx.restored(self.node);
        let failed = |cause| cx.error(self.node, cause);
        if let Some(images) = restored.records::<WatermarkImage>(WATERMARKS).map_err(failed)? {
            let states = match restored.records::<G::State>(WATERMARK_GENERATORS) {
                // Of another generator: this one begins anew, behind what was promised.
                Err(TaskError::Restore(_)) => Vec::new(),
                states => states.map_err(failed)?.unwrap_or_default(),
            };
            maker.restore::<P::Out>(images, states, place);
        }
        let state = Assigning {
            node: self.node,
            place,
            maker,
            interval: self.interval,
            next: None,
            wakes: None,
            record: PhantomData,
        };
        Ok(AssignStage { upstream: Link::build(&self.upstream, self.node, cx)?, state })
    }
}

impl<T, G: WatermarkGenerator<T>, A> Assigning<T, G, A> {
    /// Sends what the generator said.
    #[cold]
    #[inline(never)]
    fn send<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        let news = std::iter::from_fn(|| self.maker.take());
        news.map(|signal| sink.signal(signal, cx)).fold(Flow::Continue, Flow::and)
    }

    /// Asks the generator if its period has passed. Once per drive, since a drive is short.
    fn on_drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        // Nothing is left from the last drive, but what was restored comes before records.
        let restored = if self.maker.has_news() { self.send(sink, cx) } else { Flow::Continue };
        let Some(interval) = self.interval else { return restored };
        let now = cx.now();
        if now < *self.next.get_or_insert(now + interval) {
            return restored;
        }
        self.next = Some(now + interval);
        let Self { node, maker, .. } = self;
        Guard::run(*node, || maker.on_period::<T>(now));
        restored.and(self.send(sink, cx))
    }

    /// Sees to it that the task is driven when the period has passed, though nothing comes.
    fn on_starved(&mut self, cx: &mut Cx) {
        let at = self.next.filter(|next| self.wakes.is_none_or(|wakes| wakes < *next));
        if let Some(at) = at {
            self.wakes = Some(at);
            cx.wake_at(at);
        }
    }
}

struct AssignInto<'a, T, G, A, S> {
    state: &'a mut Assigning<T, G, A>,
    sink: &'a mut S,
}

impl<T, G, A, S> Push<T> for AssignInto<'_, T, G, A, S>
where
    G: WatermarkGenerator<T>,
    A: TimestampAssigner<T>,
    S: Push<T>,
{
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        let previous = cx.timestamp();
        let Assigning { node, maker, .. } = self.state;
        let timestamp = Guard::run(*node, || maker.on_record(&item, previous));
        cx.set_timestamp(timestamp);
        let flow = self.sink.push(item, cx);
        // A source that sets none must not find the timestamp of the record before.
        cx.set_timestamp(previous);
        if self.state.maker.has_news() {
            return flow.and(self.state.send(self.sink, cx));
        }
        flow
    }

    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        match signal {
            Signal::Watermark(watermark) => {
                self.state.maker.on_watermark(watermark);
                self.state.send(self.sink, cx)
            }
            // The strategy has its own idea of who is idle.
            Signal::Status(_) => Flow::Continue,
            Signal::Barrier(_) => {
                let flow = self.sink.signal(signal, cx);
                let Assigning { node, place, maker, .. } = self.state;
                let (image, state) = ([maker.image(*place)], [maker.generator_state::<T>()]);
                let union = RedistributionMode::Union;
                let lists = &mut cx.snapshot(*node).lists;
                lists.push(ListSnapshot::of_records(WATERMARKS, union, &image));
                lists.push(ListSnapshot::of_records(WATERMARK_GENERATORS, union, &state));
                flow
            }
        }
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.sink.ready(cx)
    }
}

impl<P, G, A> Chain for AssignStage<P, G, A>
where
    P: Template,
    G: WatermarkGenerator<P::Out>,
    A: TimestampAssigner<P::Out>,
{
    type Out = P::Out;

    fn drive<S: Push<P::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        if self.state.on_drive(sink, cx) == Flow::Stop {
            return Drive::Failed;
        }
        let drive = self.upstream.drive(&mut AssignInto { state: &mut self.state, sink }, cx);
        if drive == Drive::Starved {
            self.state.on_starved(cx);
        }
        drive
    }

    fn inject<S: Push<P::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let mut into = AssignInto { state: &mut self.state, sink };
        self.upstream.inject(signal, &mut into, cx)
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
    }
}
