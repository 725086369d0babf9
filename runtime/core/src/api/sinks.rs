//! Where streams end.

use std::fmt::Display;

use super::DataStream;
use crate::{
    Record,
    chain::{Template, ToSink},
    sink::{CollectSink, DiscardSink, FunctionSink, PrintSink},
};

/// What [`DataStream::collect`] will have collected.
pub type Collected<T> = CollectSink<T>;

impl<T: Record, C: Template<Out = T>> DataStream<T, C> {
    /// Collects the stream in memory: for results that are known to be small.
    pub fn collect(self) -> Collected<T> {
        let sink = CollectSink::new();
        self.sink_to(sink.clone()).name("Collect");
        sink
    }

    /// Prints each record.
    pub fn print(self) -> DataStream<(), ToSink<C, PrintSink>>
    where
        T: Display,
    {
        self.sink_to(PrintSink::Numbered).name("Print to Std. Out")
    }

    /// Drops everything.
    pub fn discard(self) -> DataStream<(), ToSink<C, DiscardSink>> {
        self.sink_to(DiscardSink).name("Discard")
    }

    /// Calls a function for each record.
    pub fn for_each<F>(self, function: F) -> DataStream<(), ToSink<C, FunctionSink<F>>>
    where
        F: FnMut(T) + Clone + Send + 'static,
    {
        self.sink_to(FunctionSink(function)).name("For Each")
    }
}
