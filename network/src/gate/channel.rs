//! One channel of a gate: what waits in it, and what is captured of it.

use brisk_memory::Buffer;
use std::collections::VecDeque;

use crate::{
    Event, Item,
    barrier::{CheckpointBarrier, CheckpointId},
};

/// A copy of what is before a barrier, by reference.
#[derive(Debug)]
struct Capture {
    checkpoint: CheckpointId,
    buffers: Vec<Buffer>,
    /// The barrier has not come: what comes is captured, too.
    open: bool,
}

/// What became of a delivered item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// It waits its turn.
    Waits,
    /// It waits its turn, and its time runs.
    Announced(CheckpointBarrier),
    /// It goes before all that waits.
    Urgent(CheckpointBarrier),
    /// It waits its turn; what was captured for this checkpoint is all that there will be.
    Closed(CheckpointId),
}

/// How far a capture has come when it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// The barrier has not come; or the producer has given the checkpoint up, as is read in time.
    Open,
    /// The barrier is here, and was handed out before.
    ToKnownBarrier,
    /// The barrier waited here. It is taken out, and must be handed out before anything else.
    ToBarrier(CheckpointBarrier),
    /// The channel's end is here, and no barrier will come.
    ToEnd,
}

/// A barrier in `items` that overtakes was handed out when it came; it only marks the
/// place up to which a capture goes, and is skipped.
#[derive(Debug, Default)]
pub(super) struct Channel {
    items: VecDeque<Item>,
    capture: Option<Capture>,
    pub(super) in_line: bool,
    pub(super) blocked: bool,
    /// The end is among the items or was read.
    ended: bool,
}

impl Channel {
    /// # Panics
    /// If the channel has ended.
    pub(super) fn deliver(&mut self, item: Item) -> Delivered {
        assert!(!self.ended, "a channel got {item:?} after its end");
        match &item {
            Item::Buffer(buffer) => {
                if let Some(capture) = self.capture.as_mut().filter(|capture| capture.open) {
                    capture.buffers.push(buffer.clone());
                }
            }
            Item::Event(Event::EndOfPartition) => {
                self.ended = true;
                self.items.push_back(item);
                return match self.close_capture() {
                    Some(checkpoint) if !self.is_canceled(checkpoint) => {
                        Delivered::Closed(checkpoint)
                    }
                    _ => Delivered::Waits,
                };
            }
            Item::Event(Event::Barrier(barrier)) => return self.deliver_barrier(*barrier),
            Item::Event(Event::CancelCheckpoint(_)) => {}
        }
        self.items.push_back(item);
        Delivered::Waits
    }

    /// Nothing more will be captured; for which checkpoint that was, if for one.
    fn close_capture(&mut self) -> Option<CheckpointId> {
        let capture = self.capture.as_mut().filter(|capture| capture.open)?;
        capture.open = false;
        Some(capture.checkpoint)
    }

    fn deliver_barrier(&mut self, barrier: CheckpointBarrier) -> Delivered {
        let is_awaited =
            |capture: &&mut Capture| capture.open && capture.checkpoint == barrier.checkpoint;
        if let Some(capture) = self.capture.as_mut().filter(is_awaited) {
            // All that came before it is captured.
            capture.open = false;
            return Delivered::Urgent(barrier);
        }
        self.items.push_back(Item::Event(Event::Barrier(barrier)));
        if barrier.overtakes() {
            Delivered::Urgent(barrier)
        } else if barrier.is_limited() {
            Delivered::Announced(barrier)
        } else {
            Delivered::Waits
        }
    }

    /// Whether the next item may be read now.
    pub(super) fn is_readable(&self) -> bool {
        !self.blocked && !self.items.is_empty()
    }

    /// The next item; marks of barriers that overtook are skipped.
    pub(super) fn take(&mut self) -> Option<Item> {
        loop {
            let item = self.items.pop_front()?;
            let is_mark = matches!(&item, Item::Event(Event::Barrier(b)) if b.overtakes());
            if !is_mark {
                return Some(item);
            }
        }
    }

    /// Captures what is before the checkpoint's barrier, now and, if it is not here, to
    /// come.
    pub(super) fn capture(&mut self, checkpoint: CheckpointId) -> Captured {
        let barrier_of = |item: &Item| match item {
            Item::Event(Event::Barrier(barrier)) if barrier.checkpoint == checkpoint => {
                Some(*barrier)
            }
            _ => None,
        };
        let at = self.items.iter().position(|item| barrier_of(item).is_some());
        let before = self.items.iter().take(at.unwrap_or(self.items.len()));
        let buffers = before.filter_map(|item| match item {
            Item::Buffer(buffer) => Some(buffer.clone()),
            Item::Event(_) => None,
        });
        let buffers = buffers.collect();
        self.capture = Some(Capture { checkpoint, buffers, open: at.is_none() && !self.ended });
        let Some(at) = at else {
            let closed = self.ended && !self.is_canceled(checkpoint);
            return if closed { Captured::ToEnd } else { Captured::Open };
        };
        let barrier = self.items.remove(at).as_ref().and_then(barrier_of);
        let waited = barrier.filter(|barrier| !barrier.overtakes());
        waited.map_or(Captured::ToKnownBarrier, Captured::ToBarrier)
    }

    /// Whether the producer's word that it gave up the checkpoint waits here.
    fn is_canceled(&self, checkpoint: CheckpointId) -> bool {
        let cancels = |item: &Item| matches!(item, Item::Event(Event::CancelCheckpoint(of)) if *of == checkpoint);
        self.items.iter().any(cancels)
    }

    /// Takes what was captured for `checkpoint` so far; what comes is captured as before.
    pub(super) fn take_captured_so_far(&mut self, checkpoint: CheckpointId) -> Vec<Buffer> {
        let capture = self.capture.as_mut().filter(|capture| capture.checkpoint == checkpoint);
        capture.map_or(Vec::new(), |capture| std::mem::take(&mut capture.buffers))
    }

    /// Takes what was captured for `checkpoint`.
    pub(super) fn take_captured(&mut self, checkpoint: CheckpointId) -> Vec<Buffer> {
        let capture = self.capture.take_if(|capture| capture.checkpoint == checkpoint);
        capture.map_or(Vec::new(), |capture| capture.buffers)
    }

    /// Puts `buffers` before all else.
    pub(super) fn restore(&mut self, buffers: Vec<Buffer>) {
        buffers.into_iter().rev().for_each(|buffer| self.items.push_front(Item::Buffer(buffer)));
    }

    /// Items that wait here.
    pub(super) fn waiting(&self) -> usize {
        self.items.len()
    }

    /// Buffers that wait here.
    pub(super) fn queued(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Buffer(_))).count()
    }
}
