//! The producing end of a channel.

use std::collections::VecDeque;

use super::{FlowError, InFlight, Marks};
use crate::{
    Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
    wire::{CREDIT_MAX, SeqNo, WireEvent},
};

/// What [`Sender::new`] needs.
#[derive(Clone, Copy, Debug)]
pub struct SenderOptions {
    /// Bytes in flight of this channel.
    pub marks: Marks,
    /// Data behind an aligned barrier waits for [`SenderEvent::Resumed`].
    pub holds_at_barriers: bool,
}

/// What happened at a sender.
#[derive(Clone, Debug)]
pub enum SenderEvent<T> {
    /// The producer has a buffer, of so many bytes.
    Data(T, u32),
    /// The producer has an event. A barrier that overtakes goes before what waits.
    Event(Event),
    /// The producer has an event that goes behind what waits here, also a barrier that overtakes: it
    /// does so at the reader.
    InOrder(Event),
    /// The consumer has set segments aside.
    Credit {
        /// The number of the frame that says so.
        sequence: SeqNo,
        /// How many.
        credit: u32,
    },
    /// The consumer goes on behind a barrier.
    Resumed {
        /// The number of the frame that says so.
        sequence: SeqNo,
        /// The checkpoint of the barrier.
        checkpoint: CheckpointId,
    },
    /// The barrier of this checkpoint, which waits, has no more time: it overtakes.
    TimedOut(CheckpointId),
    /// So many bytes have left.
    Written(u32),
}

/// What a barrier has overtaken in a sender, oldest first: handles to capture.
pub type Overtaken<T> = Vec<T>;

/// What waits in a sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Waiting<T> {
    /// A buffer and its bytes.
    Data(T, u32),
    /// Not data.
    Event(Event),
}

/// What goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending<T> {
    /// The number of its frame.
    pub sequence: SeqNo,
    /// Buffers that wait behind it and may be sent when there is credit.
    pub backlog: u32,
    /// What it is.
    pub what: What<T>,
}

/// A frame's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<T> {
    /// A buffer; it uses one credit.
    Data(T),
    /// An event.
    Event(WireEvent),
    /// Only the backlog.
    Backlog,
}

/// The state of a sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender<T> {
    credit: u32,
    queue: VecDeque<Waiting<T>>,
    /// What overtakes the queue.
    urgent: VecDeque<WireEvent>,
    /// Buffers in the queue before the first barrier that holds.
    backlog: u32,
    /// What the consumer takes the backlog for: what it was told, less what was sent since.
    told: u32,
    /// The barrier behind which data waits.
    held: Option<CheckpointId>,
    holds_at_barriers: bool,
    next: SeqNo,
    /// The number of the consumer's next frame.
    expected: SeqNo,
    in_flight: InFlight,
    /// The end is in the queue or was sent.
    ended: bool,
}

impl<T: Clone> Sender<T> {
    /// A sender without credit.
    pub fn new(options: SenderOptions) -> Self {
        Self {
            credit: 0,
            queue: VecDeque::new(),
            urgent: VecDeque::new(),
            backlog: 0,
            told: 0,
            held: None,
            holds_at_barriers: options.holds_at_barriers,
            next: SeqNo::FIRST,
            expected: SeqNo::FIRST,
            in_flight: InFlight::new(options.marks),
            ended: false,
        }
    }

    /// One step; what a barrier has overtaken by it.
    ///
    /// # Errors
    /// When the consumer broke the protocol.
    ///
    /// # Panics
    /// If the producer goes on after its end.
    pub fn step(&mut self, event: SenderEvent<T>) -> Result<Overtaken<T>, FlowError> {
        match event {
            SenderEvent::Data(payload, bytes) => self.push(Waiting::Data(payload, bytes)),
            SenderEvent::Event(Event::Barrier(barrier)) if barrier.overtakes() => {
                self.urgent.push_back(WireEvent::InChannel(Event::Barrier(barrier)));
                return Ok(self.data_before(self.queue.len()));
            }
            SenderEvent::Event(event) => {
                if let Event::Barrier(barrier) = event
                    && barrier.is_limited()
                    && !self.queue.is_empty()
                {
                    self.urgent.push_back(WireEvent::Announced(barrier));
                }
                self.push(Waiting::Event(event));
            }
            SenderEvent::InOrder(event) => self.push(Waiting::Event(event)),
            SenderEvent::Credit { sequence, credit } => {
                self.check(sequence)?;
                let sum = self.credit.checked_add(credit).filter(|sum| *sum <= CREDIT_MAX);
                let overflow = FlowError::CreditOverflow { before: self.credit, added: credit };
                self.credit = sum.ok_or(overflow)?;
            }
            SenderEvent::Resumed { sequence, checkpoint } => {
                self.check(sequence)?;
                self.resume(checkpoint)?;
            }
            SenderEvent::TimedOut(checkpoint) => return Ok(self.time_out(checkpoint)),
            SenderEvent::Written(bytes) => {
                self.in_flight.remove(bytes);
            }
        }
        Ok(Vec::new())
    }

    /// Whether [`Sender::next`] has something.
    pub fn is_ready(&self) -> bool {
        if !self.urgent.is_empty() {
            return true;
        }
        match self.queue.front() {
            _ if self.held.is_some() => false,
            Some(Waiting::Event(_)) => true,
            Some(Waiting::Data(..)) if self.credit > 0 => self.in_flight.is_open(),
            Some(Waiting::Data(..)) => self.told == 0,
            None => false,
        }
    }

    /// Whether something that overtakes is next.
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Takes what goes next.
    #[expect(clippy::should_implement_trait, reason = "a sender that has nothing now may later")]
    pub fn next(&mut self) -> Option<Sending<T>> {
        if let Some(event) = self.urgent.pop_front() {
            return Some(self.send(What::Event(event)));
        }
        if !self.is_ready() {
            return None;
        }
        match self.queue.pop_front()? {
            Waiting::Event(event) => {
                if let Event::Barrier(barrier) = event
                    && self.holds_at(&barrier)
                {
                    self.held = Some(barrier.checkpoint);
                }
                Some(self.send(What::Event(WireEvent::InChannel(event))))
            }
            Waiting::Data(payload, bytes) if self.credit > 0 => {
                self.credit -= 1;
                self.backlog -= 1;
                self.in_flight.add(bytes);
                Some(self.send(What::Data(payload)))
            }
            data @ Waiting::Data(..) => {
                self.queue.push_front(data);
                Some(self.send(What::Backlog))
            }
        }
    }

    /// Whether all was sent, the end included.
    pub fn is_done(&self) -> bool {
        self.ended && self.queue.is_empty() && self.urgent.is_empty()
    }

    /// Credits that are left.
    pub fn credit(&self) -> u32 {
        self.credit
    }

    /// What waits, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting<T>> {
        self.queue.iter()
    }

    /// Bytes in flight.
    pub fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// The number that the next frame of this end has.
    pub fn sequence(&mut self) -> SeqNo {
        let sequence = self.next;
        self.next = sequence.next();
        sequence
    }

    /// Takes note of another frame of the consumer.
    ///
    /// # Errors
    /// When it is not the next one.
    pub fn check(&mut self, found: SeqNo) -> Result<(), FlowError> {
        self.expected = in_order(self.expected, found)?;
        Ok(())
    }

    /// Checks what must hold between steps; for tests and simulation.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_invariants(&self) {
        assert_eq!(self.backlog, self.count_backlog(), "buffers that may be sent are counted");
        assert!(self.told <= self.backlog || self.told == 0, "no more was told than there is");
        assert!(self.held.is_none() || self.holds_at_barriers, "held only when asked to");
    }

    fn push(&mut self, waiting: Waiting<T>) {
        assert!(!self.ended, "something was sent behind the end of a partition");
        self.ended = matches!(waiting, Waiting::Event(Event::EndOfPartition));
        let counts = matches!(waiting, Waiting::Data(..)) && !self.is_held_back();
        self.backlog += u32::from(counts);
        self.queue.push_back(waiting);
    }

    fn send(&mut self, what: What<T>) -> Sending<T> {
        self.told = self.backlog;
        Sending { sequence: self.sequence(), backlog: self.backlog, what }
    }

    fn holds_at(&self, barrier: &CheckpointBarrier) -> bool {
        self.holds_at_barriers && !barrier.overtakes()
    }

    /// Whether what comes now has to wait for a resumption.
    fn is_held_back(&self) -> bool {
        self.holds_at_barriers
            && (self.held.is_some() || self.queue.iter().any(|waiting| self.is_hold(waiting)))
    }

    fn is_hold(&self, waiting: &Waiting<T>) -> bool {
        matches!(waiting, Waiting::Event(Event::Barrier(barrier)) if self.holds_at(barrier))
    }

    fn count_backlog(&self) -> u32 {
        if self.held.is_some() {
            return 0;
        }
        let sendable = self.queue.iter().take_while(|waiting| !self.is_hold(waiting));
        sendable.map(|waiting| u32::from(matches!(waiting, Waiting::Data(..)))).sum()
    }

    fn resume(&mut self, checkpoint: CheckpointId) -> Result<(), FlowError> {
        if self.held != Some(checkpoint) {
            return Err(FlowError::Resumed { checkpoint });
        }
        self.held = None;
        self.backlog = self.count_backlog();
        Ok(())
    }

    fn data_before(&self, position: usize) -> Overtaken<T> {
        let before = self.queue.iter().take(position).filter_map(|waiting| match waiting {
            Waiting::Data(payload, _) => Some(payload.clone()),
            Waiting::Event(_) => None,
        });
        before.collect()
    }

    /// A barrier that waits with limited time goes first, as one that overtakes.
    fn time_out(&mut self, checkpoint: CheckpointId) -> Overtaken<T> {
        let is_it = |waiting: &Waiting<T>| {
            matches!(waiting, Waiting::Event(Event::Barrier(barrier))
                if barrier.checkpoint == checkpoint
                    && matches!(barrier.kind, BarrierKind::AlignedUntil(_)))
        };
        let Some(at) = self.queue.iter().position(is_it) else { return Vec::new() };
        let overtaken = self.data_before(at);
        if let Some(Waiting::Event(Event::Barrier(barrier))) = self.queue.remove(at) {
            // Who has not heard of it yet need not.
            self.urgent.retain(|event| *event != WireEvent::Announced(barrier));
            let barrier = barrier.unaligned();
            self.urgent.push_back(WireEvent::InChannel(Event::Barrier(barrier)));
        }
        self.backlog = self.count_backlog();
        overtaken
    }
}

/// The number after `found`, if that is the one expected.
pub(super) fn in_order(expected: SeqNo, found: SeqNo) -> Result<SeqNo, FlowError> {
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(expected.next()),
        std::cmp::Ordering::Greater => Err(FlowError::Lost { expected, found }),
        std::cmp::Ordering::Less => Err(FlowError::Repeated { expected, found }),
    }
}
