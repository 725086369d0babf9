//! The generator as a source: each subtask makes every so many-th block of events, so that all of
//! them stand at about the same event time.

use brisk::{
    Error,
    chain::{Source, SourceContext, SourceReader},
    task::{
        Cx,
        flow::{Drive, Push},
    },
};
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    generator::{Generator, ROUND},
    model::Event,
};

/// Events that one subtask makes in a row: whole rounds, so that all have their share of everything.
const BLOCK: u64 = 4 * ROUND;

/// Events between two looks at whether the task should make room.
const INTERRUPT_CHECK: u64 = 64;

/// Events `0..count` of a generator.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) generator: Generator,
    pub(crate) count: u64,
}

/// What one subtask makes: the events from `next` on, of every `stride`-th block.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) next: u64,
    pub(crate) stride: u64,
}

impl Share {
    /// Goes on by `count` events of the block in hand.
    fn advance(&mut self, count: u64) {
        self.next += count;
        if self.next.is_multiple_of(BLOCK) {
            self.next += (self.stride - 1) * BLOCK;
        }
    }
}

/// The source of one subtask.
#[derive(Debug)]
pub(crate) struct EventReader {
    generator: Generator,
    count: u64,
    shares: Vec<Share>,
}

impl Source for Events {
    type Out = Event;
    type Reader = EventReader;
    type Split = Share;

    fn open(
        &self,
        restored: Option<Vec<Share>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<EventReader, Error> {
        let stride = u64::from(context.parallelism);
        let next = u64::from(context.subtask) * BLOCK;
        let shares = restored.unwrap_or_else(|| vec![Share { next, stride }]);
        Ok(EventReader { generator: self.generator, count: self.count, shares })
    }
}

impl SourceReader<Event> for EventReader {
    type Split = Share;

    fn snapshot(&mut self) -> Vec<Share> {
        self.shares.clone()
    }

    fn drive<S: Push<Event>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            // Several after a restore: the earliest events first.
            let share = self.shares.iter_mut().min_by_key(|share| share.next);
            let Some(share) = share.filter(|share| share.next < self.count) else {
                return Drive::Ended;
            };
            let left = (BLOCK - share.next % BLOCK).min(self.count - share.next);
            let batch = budget.min(left).min(INTERRUPT_CHECK);
            let (mut made, mut interrupted) = (0, None);
            while made < batch && interrupted.is_none() {
                let event = self.generator.event(share.next + made);
                made += 1;
                interrupted = sink.push(event, cx).interrupts();
            }
            share.advance(made);
            budget -= made;
            cx.metrics.count_emitted(made);
            if let Some(interrupted) = interrupted {
                return interrupted;
            }
            if cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}
