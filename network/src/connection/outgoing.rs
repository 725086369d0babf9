//! The producer's end of a channel on a connection.

use brisk_memory::Buffer;

use crate::{
    flow::{FlowError, Sender, SenderEvent, SenderOptions, What},
    wire::{PartitionAddress, PartitionRequest, PeerError, SeqNo},
};

/// How the channel ends before its end.
#[derive(Debug)]
enum Ending {
    /// It doesn't.
    None,
    /// The consumer wants no more.
    Released,
    /// The producer failed.
    Error(PeerError),
    /// The last word was said.
    Said,
}

/// A frame of a producer.
#[derive(Debug)]
pub(super) enum ProducerFrame {
    /// What the flow control gave.
    Flow { sequence: SeqNo, backlog: u32, what: What<Buffer> },
    /// The last word to a consumer that has canceled.
    Released(SeqNo),
    /// The last word of a producer that failed.
    Error(SeqNo, PeerError),
}

#[derive(Debug)]
pub(super) struct Outgoing {
    request: PartitionRequest,
    sender: Sender<Buffer>,
    ending: Ending,
    in_control_line: bool,
    in_data_line: bool,
}

impl Outgoing {
    pub(super) fn new(request: PartitionRequest, options: SenderOptions) -> Self {
        Self {
            request,
            sender: Sender::new(options),
            ending: Ending::None,
            in_control_line: false,
            in_data_line: false,
        }
    }

    pub(super) fn address(&self) -> PartitionAddress {
        self.request.address
    }

    /// A step of this side's producer.
    pub(super) fn produce(&mut self, event: SenderEvent<Buffer>) -> Vec<Buffer> {
        if !matches!(self.ending, Ending::None) {
            // Nobody reads it any more.
            return Vec::new();
        }
        self.sender.step(event).expect("only a peer breaks the protocol")
    }

    /// A step that the consumer asked for.
    pub(super) fn hear(&mut self, event: SenderEvent<Buffer>) -> Result<(), FlowError> {
        self.sender.step(event).map(drop)
    }

    /// The consumer wants no more.
    pub(super) fn release(&mut self, sequence: SeqNo) -> Result<(), FlowError> {
        self.sender.check(sequence)?;
        if matches!(self.ending, Ending::None) {
            self.ending = Ending::Released;
        }
        Ok(())
    }

    pub(super) fn fail(&mut self, error: PeerError) {
        if matches!(self.ending, Ending::None) {
            self.ending = Ending::Error(error);
        }
    }

    /// Whether the channel has to enter the control line; it counts as entered.
    pub(super) fn enter_control_line(&mut self) -> bool {
        let ends = matches!(self.ending, Ending::Released | Ending::Error(_));
        let enters = (ends || self.sender.is_urgent()) && !self.in_control_line;
        self.in_control_line |= enters;
        enters
    }

    /// Whether the channel has to enter the data line; it counts as entered.
    pub(super) fn enter_data_line(&mut self) -> bool {
        let is_open = matches!(self.ending, Ending::None);
        let enters = is_open && self.sender.is_ready() && !self.in_data_line;
        self.in_data_line |= enters;
        enters
    }

    pub(super) fn leave_control_line(&mut self) {
        self.in_control_line = false;
    }

    pub(super) fn leave_data_line(&mut self) {
        self.in_data_line = false;
    }

    /// What goes next.
    pub(super) fn next_frame(&mut self) -> Option<ProducerFrame> {
        match std::mem::replace(&mut self.ending, Ending::Said) {
            Ending::Released => Some(ProducerFrame::Released(self.sender.sequence())),
            Ending::Error(error) => Some(ProducerFrame::Error(self.sender.sequence(), error)),
            Ending::Said => None,
            Ending::None => {
                self.ending = Ending::None;
                let sending = self.sender.next()?;
                let (sequence, backlog) = (sending.sequence, sending.backlog);
                Some(ProducerFrame::Flow { sequence, backlog, what: sending.what })
            }
        }
    }

    /// Whether the last word was said.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.ending, Ending::Said) || self.sender.is_done()
    }
}
