//! A file source in a running task.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use brisk_core::Record;
use brisk_core::chain::{SourceContext, SourceReader};
use brisk_core::graph::NodeId;
use brisk_core::task::Cx;
use brisk_core::task::accumulator::LongCounter;
use brisk_core::task::flow::{Drive, Flow, Push};

use super::file_reader::{FileReader, Parsed};
use super::handler::{Handler, Output};
use super::progress::Progress;
use super::split::{Resumed, SourceSplit, remember};
use crate::adapter::task_error;
use crate::error::ConnectError;
use crate::format::Framing;

/// Raw records between two looks at whether the job is being canceled.
const LOOK_EVERY: usize = 32;

/// The running form of a file source.
pub struct FileSourceReader<F, H, T> {
    node: NodeId,
    reader: FileReader<F>,
    handler: H,
    /// What a handler made of one raw record after there was no more room.
    waiting: VecDeque<T>,
    progress: Progress,
    invalid: Option<InvalidLines<F>>,
}

/// Counts lines that the framing found invalid.
pub(super) struct InvalidLines<F> {
    /// How many so far.
    pub(super) found: fn(&F) -> u64,
    /// Where they are counted.
    pub(super) counter: LongCounter,
    /// How many are counted there.
    pub(super) counted: u64,
}

/// What a running source is made from.
pub(super) struct SourceParts<F, H, T> {
    pub(super) input: Resumed<T>,
    pub(super) framing: F,
    pub(super) handler: H,
    pub(super) progress: Progress,
    /// None for framings that take any bytes.
    pub(super) invalid: Option<InvalidLines<F>>,
}

/// Passes records on; keeps those that come after a pause.
struct PassOn<'a, S, T> {
    sink: &'a mut S,
    cx: &'a mut Cx,
    waiting: &'a mut VecDeque<T>,
    flow: Flow,
    pushed: u64,
}

impl<T, S: Push<T>> Output<T> for PassOn<'_, S, T> {
    #[inline]
    fn push(&mut self, record: T) {
        match self.flow {
            Flow::Continue => {
                self.flow = self.sink.push(record, self.cx);
                self.pushed += 1;
            }
            Flow::Pause => self.waiting.push_back(record),
            Flow::Stop => {}
        }
    }
}

impl<F, H, T> FileSourceReader<F, H, T> {
    pub(super) fn new(context: &SourceContext, parts: SourceParts<F, H, T>) -> Self
    where
        F: Framing,
    {
        FileSourceReader {
            node: context.node,
            reader: FileReader::new(parts.input.work, parts.framing),
            handler: parts.handler,
            waiting: parts.input.waiting.into(),
            progress: parts.progress,
            invalid: parts.invalid,
        }
    }

    fn report(&mut self)
    where
        F: Framing,
    {
        self.progress.add_read(self.reader.take_progress());
        if let Some(InvalidLines { found, counter, counted }) = &mut self.invalid {
            let new = found(self.reader.framing()) - *counted;
            *counted += new;
            counter.add(new as i64);
            self.progress.add_invalid_lines(new);
        }
    }

    fn fail(&self, error: ConnectError, cx: &mut Cx) -> Drive {
        cx.fail(self.node, task_error(error)).interrupts().expect("a failure interrupts")
    }

    /// Passes on what waited for room.
    fn drain<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        while let Some(record) = self.waiting.pop_front() {
            let flow = sink.push(record, cx);
            cx.metrics.count_emitted(1);
            // One line may make very many records: the others of the worker want their turns too.
            let pauses = self.waiting.len() % 64 == 63 && cx.interrupted();
            if flow != Flow::Continue {
                return flow;
            }
            if pauses {
                return Flow::Pause;
            }
        }
        Flow::Continue
    }
}

impl<F, H, T> SourceReader<T> for FileSourceReader<F, H, T>
where
    T: Record,
    F: Framing,
    H: Handler<F::Record, Out = T>,
{
    type Split = SourceSplit;

    fn snapshot(&mut self) -> Vec<SourceSplit> {
        remember(self.reader.files(), self.reader.rest(), self.waiting.iter())
    }

    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        if let Some(interrupted) = self.drain(sink, cx).interrupts() {
            return interrupted;
        }
        let mut left = cx.quantum();
        loop {
            if let Err(error) = self.reader.pump(cx) {
                return self.fail(error, cx);
            }
            let FileSourceReader { reader, handler, waiting, .. } = self;
            let mut pass_on = PassOn { sink, cx, waiting, flow: Flow::Continue, pushed: 0 };
            let parsed = reader.parse(&mut |raw: &F::Record| {
                handler.handle(raw, &mut pass_on);
                left -= 1;
                let is_interrupted = left.is_multiple_of(LOOK_EVERY) && pass_on.cx.interrupted();
                if pass_on.flow == Flow::Continue && left > 0 && !is_interrupted {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            let (flow, pushed) = (pass_on.flow, pass_on.pushed);
            cx.metrics.count_emitted(pushed);
            self.report();
            let parsed = match parsed {
                Ok(parsed) => parsed,
                Err(error) => return self.fail(error, cx),
            };
            if let Some(interrupted) = flow.interrupts() {
                return interrupted;
            }
            match parsed {
                Parsed::Ended => return Drive::Ended,
                Parsed::Wait => return Drive::Starved,
                Parsed::Paused => return Drive::More,
                Parsed::Chunk if left == 0 || cx.interrupted() => return Drive::More,
                Parsed::Chunk => {}
            }
        }
    }
}

impl<F: std::fmt::Debug, H, T> std::fmt::Debug for FileSourceReader<F, H, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSourceReader")
            .field("node", &self.node)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
