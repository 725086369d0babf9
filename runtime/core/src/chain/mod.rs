//! Chains: operators that are compiled into one loop.
//!
//! A chain is nested as iterator adaptors are. A stage's [`Chain::drive`] wraps
//! the sink it was given into its own and drives its upstream with that, so from
//! source to sink there is one loop without dynamic dispatch:
//!
//! ```text
//! sink.drive(Nothing) -> map.drive(Write) -> source.drive(Map(Write)): for each { write(f(x)) }
//! ```
//!
//! A [`Template`] is the chain as the program described it: plain data and
//! functions, sent to the worker and built there into a running [`Chain`], once
//! per subtask. Whether a stage's upstream is part of the same task or is reached
//! through a gate is decided then ([`Link`]), so cuts cost no type.
//!
//! Thread: running chains belong to one worker and never leave it.

mod either;
mod filter;
mod flat_map;
mod gate;
mod guard;
pub(crate) mod hints;
mod keyed;
mod link;
mod map;
mod process;
mod sink;
mod source;
mod two_inputs;

mod view;

pub use either::Either;
pub use filter::Filter;
pub use flat_map::{Collector, FlatMap};
pub use gate::{Exchanged, Gate, ReadRecords};
pub use keyed::{
    Aggregate, Combine, EitherKey, FirstKey, Keyed, KeyedBatch, KeyedBroadcast,
    KeyedBroadcastProcessFunction, KeyedCoProcessFunction, KeyedContext, KeyedOpenContext,
    KeyedOperator, KeyedProcess, KeyedProcessFunction, KeyedTemplate, OneOf, OperatorTemplate,
    OperatorTurn, OverBoth, Taken, TimerService, joins, window,
};
pub use link::Link;
pub use map::Map;
pub use process::{
    Process, ProcessFunction,
    async_io::{Answer, AsyncFunction, AsyncOptions, AsyncProcess, RetryStrategy},
    rich::{
        RichFilter, RichFilterFunction, RichFlatMap, RichFlatMapFunction, RichMap, RichMapFunction,
    },
};
pub use sink::{Nothing, Sink, SinkContext, SinkWriter, ToSink};
pub use source::{AssignTimestamps, FromSource, MeetingPlace, Source, SourceContext, SourceReader};

pub(crate) use guard::Guard;
pub(crate) use hints::prefetch;
pub use two_inputs::{BroadcastProcessFunction, CoProcess, CoProcessFunction};
pub use view::{FlatMapView, MapView};
/// See [`Guard::take_culprit`].
pub(crate) fn take_culprit() -> Option<crate::graph::NodeId> {
    Guard::take_culprit()
}

use crate::{
    Record,
    error::Error,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// A running chain.
pub trait Chain {
    /// What it makes.
    type Out;

    /// Runs until the sink pauses, input is short, the quantum is used up, or
    /// everything was sent. Called again after each of these but the last. The
    /// head of a chain asks the sink whether it is ready before anything else,
    /// even when it has nothing more to send.
    fn drive<S: Push<Self::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive;

    /// Passes a signal from the head of the chain through its stages into `sink`;
    /// between drives, so that the loops of [`Chain::drive`] know nothing of signals.
    /// Taken whatever the answer, see [`Push::signal`].
    fn inject<S: Push<Self::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow;

    /// Called once before the first drive, upstream first.
    fn open(&mut self, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }

    /// A checkpoint that this task took part in has come to its end; upstream is told first.
    ///
    /// # Errors
    /// Fail the task.
    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error>;

    /// Called once after the last drive, however that ended; upstream first.
    fn close(&mut self, _cx: &mut Cx) {}
}

/// A chain as the program described it.
pub trait Template: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;
    /// Its running form.
    type Running: Chain<Out = Self::Out> + 'static;

    /// Builds it for one subtask, on that subtask's worker.
    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error>;
}
