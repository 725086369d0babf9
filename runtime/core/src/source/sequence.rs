//! A range of numbers.

use std::ops::RangeInclusive;

use super::{INTERRUPT_CHECK, share};
use crate::{
    chain::{Source, SourceContext, SourceReader},
    error::Error,
    task::Cx,
    task::flow::{Drive, Push},
};

/// Numbers that are sent without a look at how many are left.
const STRETCH: u64 = 4;

/// The numbers of a range, each subtask making its part in order.
#[derive(Clone, Debug)]
pub struct SequenceSource {
    first: i64,
    count: u64,
}

impl SequenceSource {
    /// The numbers of `range`; none if it is empty.
    ///
    /// # Panics
    /// If it has 2^64 numbers, one more than can be counted.
    pub fn new(range: RangeInclusive<i64>) -> Self {
        let (first, last) = range.into_inner();
        if last < first {
            return Self { first, count: 0 };
        }
        let count = last.abs_diff(first).checked_add(1);
        Self { first, count: count.expect("a sequence has fewer than 2^64 numbers") }
    }
}

impl Source for SequenceSource {
    type Out = i64;
    type Reader = SequenceReader;

    /// The next number, and how many are left from it on.
    type Split = (i64, u64);

    fn open(
        &self,
        restored: Option<Vec<(i64, u64)>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<SequenceReader, Error> {
        if let Some(mut splits) = restored {
            let (next, left) = splits.pop().unwrap_or_default();
            return Ok(SequenceReader { next, left, others: splits });
        }
        let share = share(self.count, context.subtask, context.parallelism);
        let at = |offset: u64| self.first.wrapping_add_unsigned(offset);
        let left = share.end - share.start;
        Ok(SequenceReader { next: at(share.start), left, others: Vec::new() })
    }
}

/// A running [`SequenceSource`].
#[derive(Debug)]
pub struct SequenceReader {
    next: i64,
    left: u64,
    /// What comes behind that.
    others: Vec<(i64, u64)>,
}

impl SourceReader<i64> for SequenceReader {
    type Split = (i64, u64);

    fn snapshot(&mut self) -> Vec<(i64, u64)> {
        self.others.iter().copied().chain([(self.next, self.left)]).collect()
    }

    fn drive<S: Push<i64>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            let batch = budget.min(self.left).min(INTERRUPT_CHECK as u64);
            if batch == 0 {
                let Some((next, left)) = self.others.pop() else { return Drive::Ended };
                (self.next, self.left) = (next, left);
                continue;
            }
            let (first, end) = (self.next, self.next.wrapping_add_unsigned(batch));
            let mut at = first;
            let mut interrupted = None;
            // In stretches, which the compiler lays out without a loop where the chain is
            // short; that is worth 5 % of a chain of longs.
            while end.wrapping_sub(at) as u64 >= STRETCH && interrupted.is_none() {
                for _ in 0..STRETCH {
                    interrupted = sink.push(at, cx).interrupts();
                    at = at.wrapping_add(1);
                    if interrupted.is_some() {
                        break;
                    }
                }
            }
            while at != end && interrupted.is_none() {
                interrupted = sink.push(at, cx).interrupts();
                at = at.wrapping_add(1);
            }
            let sent = at.wrapping_sub(first) as u64;
            self.next = at;
            self.left -= sent;
            cx.metrics.count_emitted(sent);
            if let Some(interrupted) = interrupted {
                return interrupted;
            }
            if cx.interrupted() {
                return Drive::More;
            }
            budget -= batch;
        }
        Drive::More
    }
}
