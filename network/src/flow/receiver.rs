//! The consuming end of a channel: checks the order of what comes, and that it was asked for.

use super::{FlowError, sender::in_order};
use crate::{
    Event,
    wire::{SeqNo, WireEvent},
};

/// Events that may wait to be read. A producer sends two or three for each checkpoint, and a
/// reader that is checkpoints behind has failed most of them.
pub const EVENTS_UNREAD_MAX: u32 = 1024;

/// What happened at a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverEvent {
    /// So many segments more were set aside, and the producer is told.
    Granted(u32),
    /// A frame of the producer came.
    Came {
        /// Its number.
        sequence: SeqNo,
        /// What it said.
        what: Came,
    },
    /// The reader has read so many events.
    EventsRead(u32),
}

/// What a frame of the producer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// A buffer.
    Data,
    /// An event.
    Event(WireEvent),
    /// Only the backlog.
    Backlog,
    /// The last word on a channel that ends early.
    Released,
}

/// The state of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receiver {
    /// Segments that were set aside and not used.
    held: u32,
    expected: SeqNo,
    /// The number of this end's next frame.
    next: SeqNo,
    events_unread: u32,
    ended: bool,
}

impl Receiver {
    /// A receiver without segments.
    pub fn new() -> Self {
        Self { held: 0, expected: SeqNo::FIRST, next: SeqNo::FIRST, events_unread: 0, ended: false }
    }

    /// One step.
    ///
    /// # Errors
    /// When the producer broke the protocol.
    pub fn step(&mut self, event: ReceiverEvent) -> Result<(), FlowError> {
        match event {
            ReceiverEvent::Granted(segments) => self.held += segments,
            ReceiverEvent::EventsRead(events) => {
                self.events_unread = self.events_unread.saturating_sub(events);
            }
            ReceiverEvent::Came { sequence, what } => {
                self.expected = in_order(self.expected, sequence)?;
                if self.ended {
                    return Err(FlowError::AfterEnd);
                }
                self.take(what)?;
            }
        }
        Ok(())
    }

    /// Segments that were set aside and not used.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// Whether the producer has said its last word.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The number that the next frame of this end has.
    pub fn sequence(&mut self) -> SeqNo {
        let sequence = self.next;
        self.next = sequence.next();
        sequence
    }

    fn take(&mut self, what: Came) -> Result<(), FlowError> {
        match what {
            Came::Data => self.held = self.held.checked_sub(1).ok_or(FlowError::NoCredit)?,
            Came::Backlog => {}
            Came::Released => self.ended = true,
            Came::Event(event) => {
                self.ended = event == WireEvent::InChannel(Event::EndOfPartition);
                self.events_unread += 1;
                if self.events_unread > EVENTS_UNREAD_MAX {
                    return Err(FlowError::Events { count: self.events_unread });
                }
            }
        }
        Ok(())
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}
