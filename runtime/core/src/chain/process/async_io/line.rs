//! The order in which results leave an asynchronous operator: a pure data structure.
//!
//! ```text
//!             segment 4                 segment 5       segment 6
//!  <-- [done: c, a | 1 under way] W(10) [2 under way] W(20) [..]      unordered
//!  <-- [done: a] [1 under way] [done: c] W(10) [..]                   ordered: one request each
//! ```
//!
//! Results leave the first segment as they come; what ends it leaves when all its requests are done.
//! So a watermark is overtaken by nothing and overtakes nothing.
//!
//! Invariants: only the last segment may be without an end, unless requests are kept in order; a
//! segment ends with at most one signal of each kind, so that signals without requests between them
//! take no room.

use std::collections::VecDeque;

use crate::task::flow::Signal;

/// How results are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As the records came.
    Kept,
    /// As they are done, between two watermarks.
    Free,
}

/// Which segment a request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentNumber(u64);

/// What leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leaving<T> {
    /// What came of a request.
    Result(T),
    /// A signal whose turn it is.
    Signal(Signal),
}

#[derive(Debug)]
struct Segment<T> {
    /// Requests under way.
    open: usize,
    done: VecDeque<T>,
    /// What comes behind it.
    end: Vec<Signal>,
}

/// The line.
#[derive(Debug)]
pub(super) struct Line<T> {
    order: Order,
    segments: VecDeque<Segment<T>>,
    /// The number of the first of them.
    first: u64,
}

impl<T> Line<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, segments: VecDeque::new(), first: 0 }
    }

    /// A request has begun.
    pub(super) fn enter(&mut self) -> SegmentNumber {
        let joins = |last: &Segment<T>| self.order == Order::Free && last.end.is_empty();
        if !self.segments.back().is_some_and(joins) {
            self.add_segment();
        }
        let last = self.segments.back_mut().expect("there is one now");
        last.open += 1;
        SegmentNumber(self.first + self.segments.len() as u64 - 1)
    }

    /// A request is done.
    ///
    /// # Panics
    /// If none is under way in that segment.
    pub(super) fn done(&mut self, number: SegmentNumber, result: T) {
        let at = (number.0 - self.first) as usize;
        let segment = &mut self.segments[at];
        assert!(segment.open > 0, "{number:?} has no request under way");
        segment.open -= 1;
        segment.done.push_back(result);
    }

    /// A signal has come.
    pub(super) fn signal(&mut self, signal: Signal) {
        if self.segments.is_empty() {
            self.add_segment();
        }
        let last = self.segments.back_mut().expect("there is one now");
        last.end.retain(|other| std::mem::discriminant(other) != std::mem::discriminant(&signal));
        last.end.push(signal);
    }

    /// Takes what leaves next, if something may.
    pub(super) fn next(&mut self) -> Option<Leaving<T>> {
        loop {
            let first = self.segments.front_mut()?;
            if let Some(result) = first.done.pop_front() {
                return Some(Leaving::Result(result));
            }
            if first.open > 0 {
                return None;
            }
            if !first.end.is_empty() {
                return Some(Leaving::Signal(first.end.remove(0)));
            }
            self.segments.pop_front();
            self.first += 1;
        }
    }

    /// Whether nothing is in line.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    fn add_segment(&mut self) {
        self.segments.push_back(Segment { open: 0, done: VecDeque::new(), end: Vec::new() });
    }
}

#[cfg(test)]
mod tests;
