//! The consumer's end of a channel on a connection.

use brisk_memory::Segment;

use crate::{
    barrier::CheckpointId,
    flow::{Receiver, ReceiverEvent},
    frame::FrameCheck,
    wire::{PartitionAddress, PartitionRequest, SeqNo, WireKind},
};

/// What the consumer tells the producer, besides credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing.
    None,
    /// It is to be said.
    Due,
    /// It was said.
    Said,
}

/// A frame of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConsumerFrame {
    pub(super) kind: WireKind,
    pub(super) sequence: SeqNo,
    pub(super) credit: u32,
    pub(super) body: ConsumerBody,
}

/// Its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConsumerBody {
    None,
    Request(PartitionRequest),
    Resume(CheckpointId),
}

#[derive(Debug)]
pub(super) struct Incoming {
    request: PartitionRequest,
    request_word: Word,
    cancel_word: Word,
    resume: Option<CheckpointId>,
    pub(super) receiver: Receiver,
    /// Segments set aside; the producer knows of all but the last `untold`.
    hand: Vec<Segment>,
    untold: u32,
    pub(super) check: FrameCheck,
    in_line: bool,
}

impl Incoming {
    pub(super) fn new(request: PartitionRequest, check: FrameCheck) -> Self {
        Self {
            request,
            request_word: Word::Due,
            cancel_word: Word::None,
            resume: None,
            receiver: Receiver::new(),
            hand: Vec::new(),
            untold: 0,
            check,
            in_line: false,
        }
    }

    pub(super) fn address(&self) -> PartitionAddress {
        self.request.address
    }

    pub(super) fn grant(&mut self, segment: Segment) {
        self.hand.push(segment);
        self.untold += 1;
        self.receiver_step(ReceiverEvent::Granted(1));
    }

    pub(super) fn resume(&mut self, checkpoint: CheckpointId) {
        self.resume = Some(checkpoint);
    }

    pub(super) fn cancel(&mut self) {
        if self.cancel_word == Word::None {
            self.cancel_word = Word::Due;
        }
    }

    /// A segment for a payload, of those that the producer knows of.
    pub(super) fn take_segment(&mut self) -> Option<Segment> {
        let told = self.hand.len() > self.untold as usize;
        if told { self.hand.pop() } else { None }
    }

    /// A step that only this side takes, which can't break the protocol.
    pub(super) fn receiver_step(&mut self, event: ReceiverEvent) {
        self.receiver.step(event).expect("only a peer breaks the protocol");
    }

    /// Whether the channel has to enter the line; it counts as entered.
    pub(super) fn enter_line(&mut self) -> bool {
        let enters = self.has_frame() && !self.in_line;
        self.in_line |= enters;
        enters
    }

    /// The next frame, at the channel's turn; it has left the line.
    pub(super) fn next_frame(&mut self) -> Option<ConsumerFrame> {
        self.in_line = false;
        let (kind, body) = if self.request_word == Word::Due {
            self.request_word = Word::Said;
            (WireKind::Request, ConsumerBody::Request(self.request))
        } else if self.cancel_word == Word::Said {
            return None;
        } else if self.cancel_word == Word::Due {
            self.cancel_word = Word::Said;
            (WireKind::Cancel, ConsumerBody::None)
        } else if let Some(checkpoint) = self.resume.take() {
            (WireKind::Resume, ConsumerBody::Resume(checkpoint))
        } else if self.untold > 0 {
            (WireKind::AddCredit, ConsumerBody::None)
        } else {
            return None;
        };
        let has_credit = matches!(kind, WireKind::Request | WireKind::AddCredit);
        let credit = if has_credit { std::mem::take(&mut self.untold) } else { 0 };
        Some(ConsumerFrame { kind, sequence: self.receiver.sequence(), credit, body })
    }

    fn has_frame(&self) -> bool {
        if self.cancel_word == Word::Said {
            return false;
        }
        let due = self.request_word == Word::Due || self.cancel_word == Word::Due;
        due || self.resume.is_some() || self.untold > 0
    }
}
