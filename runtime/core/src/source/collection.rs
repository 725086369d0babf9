//! Records that the program holds already.

use std::sync::Arc;

use super::share;
use crate::{
    Record,
    chain::{Source, SourceContext, SourceReader},
    error::Error,
    task::Cx,
    task::flow::{Drive, Push},
};

/// The records of a collection, each subtask sending its part in order.
#[derive(Debug)]
pub struct CollectionSource<T> {
    records: Arc<[T]>,
}

impl<T> CollectionSource<T> {
    /// A source of `records`.
    pub fn new(records: impl IntoIterator<Item = T>) -> Self {
        Self { records: records.into_iter().collect() }
    }
}

impl<T> Clone for CollectionSource<T> {
    fn clone(&self) -> Self {
        Self { records: Arc::clone(&self.records) }
    }
}

impl<T: Record + Clone + Sync> Source for CollectionSource<T> {
    type Out = T;
    type Reader = CollectionReader<T>;

    fn open(&self, context: &SourceContext, _cx: &mut Cx) -> Result<Self::Reader, Error> {
        let share = share(self.records.len() as u64, context.subtask, context.parallelism);
        let (next, end) = (share.start as usize, share.end as usize);
        Ok(CollectionReader { records: Arc::clone(&self.records), next, end })
    }
}

/// A running [`CollectionSource`].
#[derive(Debug)]
pub struct CollectionReader<T> {
    records: Arc<[T]>,
    next: usize,
    end: usize,
}

impl<T: Clone> SourceReader<T> for CollectionReader<T> {
    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        for _ in 0..cx.quantum() {
            if self.next == self.end {
                return Drive::Ended;
            }
            let record = self.records[self.next].clone();
            self.next += 1;
            cx.metrics.count_emitted(1);
            if let Some(interrupted) = sink.push(record, cx).interrupts() {
                return interrupted;
            }
            if self.next.is_multiple_of(super::INTERRUPT_CHECK) && cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}
