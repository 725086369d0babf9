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

    /// Positions of records, from the next one to behind the last.
    type Split = (u64, u64);

    fn open(
        &self,
        restored: Option<Vec<(u64, u64)>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<Self::Reader, Error> {
        if let Some(mut others) = restored {
            let (next, end) = others.pop().unwrap_or_default();
            let (next, end) = (next as usize, end as usize);
            return Ok(CollectionReader { records: Arc::clone(&self.records), next, end, others });
        }
        let share = share(self.records.len() as u64, context.subtask, context.parallelism);
        let (next, end) = (share.start as usize, share.end as usize);
        let others = Vec::new();
        Ok(CollectionReader { records: Arc::clone(&self.records), next, end, others })
    }
}

/// A running [`CollectionSource`].
#[derive(Debug)]
pub struct CollectionReader<T> {
    records: Arc<[T]>,
    next: usize,
    end: usize,
    /// What comes behind that.
    others: Vec<(u64, u64)>,
}

impl<T: Clone> SourceReader<T> for CollectionReader<T> {
    type Split = (u64, u64);

    fn snapshot(&mut self) -> Vec<(u64, u64)> {
        self.others.iter().copied().chain([(self.next as u64, self.end as u64)]).collect()
    }

    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        for _ in 0..cx.quantum() {
            if self.next == self.end {
                let Some((next, end)) = self.others.pop() else { return Drive::Ended };
                (self.next, self.end) = (next as usize, end as usize);
                continue;
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
