//! Many channels over one connection: bytes in, batches of frames out.
//!
//! Owns: [`Connection`], which puts together the decoder ([`crate::wire`]) and the flow
//! control of each channel ([`crate::flow`]): it says where received bytes go, what they
//! meant ([`Received`]), and what is to be sent next ([`Batch`]).
//!
//! ```text
//!  bytes --> decoder --> Received: buffers, events, requests       to gates and partitions
//!  bytes <-- Batch  <-- control line: requests, credit, what overtakes, last words
//!                   <-- data line: channels in turn, a frame each
//! ```
//!
//! Invariants:
//! - A received payload goes into a segment that its channel was granted; without one the
//!   peer has broken the protocol. So the connection can always be read.
//! - A payload is sent out of its own segment. Headers, events and what is compressed lie in the
//!   segment that the caller brings for a batch.
//! - What waits is bounded: data by the segments of producers, all else by a few flags for
//!   each channel, channels by an option.
//! - Each error names the peer, and where there is one the channel and the job. After the
//!   first nothing is received any more, and the peer is told.
//!
//! Thread: one worker. Deliberately absent: sockets, time, pools, gates.

mod batch;
mod error;
mod exercise;
mod incoming;
mod options;
mod outgoing;
mod receiving;
mod sending;

pub use batch::{BATCH_PARTS_MAX, Batch};
pub use error::{ConnectionError, ConnectionFault, Place};
pub use exercise::exercise;
pub use options::{ConnectionMarks, ConnectionOptions, PeerName, Trust};
pub use receiving::Received;

use std::{
    collections::{HashMap, VecDeque},
    io,
};

use brisk_memory::{Buffer, Segment};

use crate::{
    Event, Item,
    barrier::CheckpointId,
    flow::{InFlight, ReceiverEvent, SenderEvent},
    frame::FrameCheck,
    wire::{
        ChannelId, Compressor, Decoder, DecoderOptions, PartitionAddress, PartitionRequest,
        PeerError,
    },
};
use incoming::Incoming;
use outgoing::Outgoing;

/// What [`Connection::open`] needs.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// What is wanted, and how.
    pub request: PartitionRequest,
    /// Where its records stand: at a beginning, or behind buffers that a checkpoint held.
    pub check: FrameCheck,
}

/// Whose turn it is in the control line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Consumer(ChannelId),
    Producer(ChannelId),
}

/// What this side says at the very end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LastWord {
    /// Nothing yet: it goes on.
    None,
    /// That it is done, when no channel is left.
    Close,
    /// That it gives up.
    Error(PeerError),
    /// It was said.
    Said,
}

/// One side of a connection, behind its handshake.
#[derive(Debug)]
pub struct Connection {
    options: ConnectionOptions,
    decoder: Decoder,
    compressor: Compressor,
    /// Channels of which this side is the consumer.
    incoming: HashMap<ChannelId, Incoming>,
    /// How many this side has ever opened; the number of the next one.
    opened: u32,
    /// Channels of which this side is the producer.
    outgoing: HashMap<ChannelId, Outgoing>,
    /// How many the peer has ever opened.
    requested: u32,
    control: VecDeque<Turn>,
    /// Channels with something to send, each once.
    data: VecDeque<ChannelId>,
    in_flight: InFlight,
    last_word: LastWord,
    peer_closed: bool,
    failed: bool,
}

impl Connection {
    /// A connection without channels.
    ///
    /// # Errors
    /// When there is no memory for compression.
    pub fn new(options: ConnectionOptions) -> io::Result<Self> {
        let payload_max = options.segment_bytes;
        Ok(Self {
            decoder: Decoder::new(DecoderOptions { payload_max }),
            compressor: Compressor::new(options.codec, payload_max)?,
            incoming: HashMap::new(),
            opened: 0,
            outgoing: HashMap::new(),
            requested: 0,
            control: VecDeque::new(),
            data: VecDeque::new(),
            in_flight: InFlight::new(options.marks.connection),
            last_word: LastWord::None,
            peer_closed: false,
            failed: false,
            options,
        })
    }

    /// The peer, as errors name it.
    pub fn peer(&self) -> &PeerName {
        &self.options.peer
    }

    /// Opens a channel to a partition of the peer.
    ///
    /// # Panics
    /// If there are as many channels as may be, or the connection is being closed.
    pub fn open(&mut self, options: OpenOptions) -> ChannelId {
        assert!(self.incoming.len() < self.options.channels_max as usize, "too many channels");
        assert!(self.last_word == LastWord::None, "a channel of a connection that is closing");
        let id = ChannelId(self.opened);
        self.opened = self.opened.checked_add(1).expect("2^32 channels outlast a connection");
        self.incoming.insert(id, Incoming::new(options.request, options.check));
        self.line_up_consumer(id);
        id
    }

    /// Sets a segment aside for a channel of this consumer, and tells the producer. Given back
    /// when the channel has had its last word.
    pub fn grant(&mut self, channel: ChannelId, segment: Segment) -> Option<Segment> {
        let Some(incoming) = self.incoming.get_mut(&channel) else { return Some(segment) };
        incoming.grant(segment);
        self.line_up_consumer(channel);
        None
    }

    /// Tells the producer to go on behind the barrier of `checkpoint`.
    pub fn resume(&mut self, channel: ChannelId, checkpoint: CheckpointId) {
        if let Some(incoming) = self.incoming.get_mut(&channel) {
            incoming.resume(checkpoint);
            self.line_up_consumer(channel);
        }
    }

    /// Takes note that the reader has read so many events of a channel.
    pub fn events_read(&mut self, channel: ChannelId, events: u32) {
        if let Some(incoming) = self.incoming.get_mut(&channel) {
            incoming.receiver_step(ReceiverEvent::EventsRead(events));
        }
    }

    /// Tells the producer to send no more. What comes until it has heard is still received.
    pub fn cancel(&mut self, channel: ChannelId) {
        if let Some(incoming) = self.incoming.get_mut(&channel) {
            incoming.cancel();
            self.line_up_consumer(channel);
        }
    }

    /// Sends on a channel that the peer has requested. What a barrier has overtaken is
    /// returned, to be captured. Dropped when the consumer has canceled.
    ///
    /// # Panics
    /// If the producer goes on behind its end.
    pub fn push(&mut self, channel: ChannelId, item: Item) -> Vec<Buffer> {
        self.produce(
            channel,
            match item {
                Item::Buffer(buffer) => {
                    let bytes = u32::try_from(buffer.len()).expect("a segment has 1 MiB at most");
                    SenderEvent::Data(buffer, bytes)
                }
                Item::Event(event) => SenderEvent::Event(event),
            },
        )
    }

    /// Sends an event on a channel behind all that waits here, also a barrier that overtakes.
    pub fn push_in_order(&mut self, channel: ChannelId, event: Event) {
        let overtaken = self.produce(channel, SenderEvent::InOrder(event));
        assert!(overtaken.is_empty(), "what goes in order overtakes nothing");
    }

    /// The barrier of `checkpoint`, if it waits, overtakes now; what it has overtaken.
    pub fn time_out(&mut self, channel: ChannelId, checkpoint: CheckpointId) -> Vec<Buffer> {
        self.produce(channel, SenderEvent::TimedOut(checkpoint))
    }

    /// Ends a channel of this producer with an error; what waits in it is dropped.
    pub fn fail(&mut self, channel: ChannelId, error: PeerError) {
        if let Some(outgoing) = self.outgoing.get_mut(&channel) {
            outgoing.fail(error);
            self.line_up_producer(channel);
        }
    }

    /// Says that nothing more comes, once all channels have had their last word.
    pub fn close(&mut self) {
        if self.last_word == LastWord::None {
            self.last_word = LastWord::Close;
        }
    }

    /// Gives the whole connection up: the peer is told why, and nothing else.
    pub fn abort(&mut self, error: PeerError) {
        if self.last_word != LastWord::Said {
            self.last_word = LastWord::Error(error);
        }
        self.failed = true;
    }

    /// Whether both sides have said their last word.
    pub fn is_over(&self) -> bool {
        self.last_word == LastWord::Said && (self.peer_closed || self.failed)
    }

    /// Channels that have not had their last word: of this consumer, of this producer.
    pub fn open_channels(&self) -> (usize, usize) {
        (self.incoming.len(), self.outgoing.len())
    }

    /// What a channel of this producer is for.
    pub fn requested(&self, channel: ChannelId) -> Option<PartitionAddress> {
        self.outgoing.get(&channel).map(Outgoing::address)
    }

    fn produce(&mut self, channel: ChannelId, event: SenderEvent<Buffer>) -> Vec<Buffer> {
        let Some(outgoing) = self.outgoing.get_mut(&channel) else { return Vec::new() };
        let overtaken = outgoing.produce(event);
        self.line_up_producer(channel);
        overtaken
    }

    fn line_up_consumer(&mut self, channel: ChannelId) {
        let Some(incoming) = self.incoming.get_mut(&channel) else { return };
        if incoming.enter_line() {
            self.control.push_back(Turn::Consumer(channel));
        }
    }

    fn line_up_producer(&mut self, channel: ChannelId) {
        let Some(outgoing) = self.outgoing.get_mut(&channel) else { return };
        if outgoing.enter_control_line() {
            self.control.push_back(Turn::Producer(channel));
        } else if outgoing.enter_data_line() {
            self.data.push_back(channel);
        }
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
