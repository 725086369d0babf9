//! Two keyed streams, connected.

use std::marker::PhantomData;

use crate::{
    Record,
    api::{DataStream, KeyedStream, TimedStream},
    chain::{
        EitherKey, Exchanged, FirstKey, KeyedBroadcast, KeyedBroadcastProcessFunction,
        KeyedCoProcessFunction, KeyedTemplate, OneOf, OverBoth, Template,
    },
    graph::StreamNode,
    record::selector::KeySelector,
};

/// Two keyed streams that one function reads: records of one key meet in one subtask, whichever of
/// them they are of.
#[derive(Debug)]
pub struct ConnectedKeyedStreams<A, B, S, R> {
    first: DataStream<OneOf<A, B>>,
    second: DataStream<OneOf<A, B>>,
    keys: EitherKey<S, R>,
}

/// What a function with state and timers makes of two keyed streams.
pub type CoTimedStream<A, B, S, R, F> =
    TimedStream<OneOf<A, B>, EitherKey<S, R>, OverBoth<F, A, B>>;

/// What a function with state and timers makes of a keyed stream and a broadcast one.
pub type BroadcastTimedStream<A, B, S, F> = DataStream<
    <F as KeyedBroadcastProcessFunction<<S as KeySelector<A>>::Key, A, B>>::Out,
    KeyedTemplate<OneOf<A, B>, KeyedBroadcast<A, B, S, F>>,
>;

impl<A: Record, C: Template<Out = A>, S: KeySelector<A>> KeyedStream<A, C, S> {
    /// Whatever a function with state and timers makes of this stream with what the other one says,
    /// which all subtasks are told: it is broadcast.
    pub fn process_with_broadcast<B, D, F>(
        self,
        other: DataStream<B, D>,
        function: F,
    ) -> BroadcastTimedStream<A, B, S, F>
    where
        B: Record,
        D: Template<Out = B>,
        F: KeyedBroadcastProcessFunction<S::Key, A, B>,
        OneOf<A, B>: Record,
        (F::Key, F::Value): Record,
    {
        let (one, selector) = self.into_parts();
        let keyed =
            one.map(OneOf::First as fn(A) -> OneOf<A, B>).key_by(FirstKey(selector.clone()));
        let both = StreamNode::operator("Keyed Co-Process-Broadcast");
        let (program, node, _) = keyed.add_keyed(both);
        let told = other.map(OneOf::Second as fn(B) -> OneOf<A, B>).broadcast();
        program.connect(told.origins, node, 0);
        let operator = KeyedBroadcast { selector, function, inputs: PhantomData };
        DataStream::of_node(program, node, KeyedTemplate { node, operator, record: PhantomData })
    }

    /// This stream and another one with keys of the same type, to be read by one function.
    pub fn connect<B, D, R>(self, other: KeyedStream<B, D, R>) -> ConnectedKeyedStreams<A, B, S, R>
    where
        B: Record,
        D: Template<Out = B>,
        R: KeySelector<B, Key = S::Key>,
        OneOf<A, B>: Record,
    {
        let (one, first) = self.into_parts();
        let (two, second) = other.into_parts();
        ConnectedKeyedStreams {
            first: one.map(OneOf::First as fn(A) -> OneOf<A, B>).shared(),
            second: two.map(OneOf::Second as fn(B) -> OneOf<A, B>).shared(),
            keys: EitherKey { first, second },
        }
    }
}

impl<A, B, S, R> ConnectedKeyedStreams<A, B, S, R>
where
    A: Record,
    B: Record,
    OneOf<A, B>: Record,
    S: KeySelector<A>,
    R: KeySelector<B, Key = S::Key>,
{
    /// Whatever a function with state and timers makes of both.
    pub fn process<F>(self, function: F) -> CoTimedStream<A, B, S, R, F>
    where
        F: KeyedCoProcessFunction<S::Key, A, B>,
    {
        self.tagged().process(OverBoth::new(function)).name("Keyed Co-Process")
    }

    /// Both as one stream, each record tagged with the one it is of.
    pub(super) fn tagged(
        self,
    ) -> KeyedStream<OneOf<A, B>, Exchanged<OneOf<A, B>>, EitherKey<S, R>> {
        self.first.union(self.second).key_by(self.keys)
    }

    /// Notes what was described wrongly.
    pub(super) fn fault(&self, fault: String) {
        self.first.program.fault(fault);
    }
}
