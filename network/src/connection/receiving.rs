//! What received bytes mean.

use brisk_memory::{Buffer, Segment};

use super::{
    Connection, ConnectionError, ConnectionFault, LastWord, Place, Trust, outgoing::Outgoing,
};
use crate::{
    Event,
    flow::{Came, FlowError, ReceiverEvent, SenderEvent, SenderOptions},
    wire::{
        ChannelId, Decoded, ErrorCode, Frame, PartitionRequest, PayloadSpace, PeerError, Want,
        WireEvent, WireFlags, WireHeader, WireKind,
    },
};

/// What a frame of the peer means.
#[derive(Debug)]
pub enum Received {
    /// To a channel of this consumer: a buffer.
    Data {
        /// The channel.
        channel: ChannelId,
        /// The buffer, in a segment that was granted.
        buffer: Buffer,
        /// Buffers that wait at the producer.
        backlog: u32,
    },
    /// To a channel of this consumer: what is not data. The end of a partition is its last word.
    Event {
        /// The channel.
        channel: ChannelId,
        /// What it is.
        event: WireEvent,
        /// Buffers that wait at the producer.
        backlog: u32,
    },
    /// To a channel of this consumer: that buffers wait.
    Backlog {
        /// The channel.
        channel: ChannelId,
        /// How many.
        backlog: u32,
    },
    /// The last word on a channel of this consumer that was canceled.
    Released {
        /// The channel.
        channel: ChannelId,
    },
    /// The last word on a channel of this consumer, a bad one.
    Failed {
        /// The channel.
        channel: ChannelId,
        /// What it carried.
        place: Place,
        /// What the producer says.
        error: PeerError,
    },
    /// The peer wants a partition of this producer: push to the channel, or fail it.
    Requested {
        /// The channel.
        channel: ChannelId,
        /// What it wants.
        request: PartitionRequest,
    },
    /// The consumer of a channel of this producer wants no more; with its reason, if it failed.
    Canceled {
        /// The channel.
        channel: ChannelId,
        /// Why.
        error: Option<PeerError>,
    },
    /// The peer has said its last word.
    Closed,
}

type Outcome = Result<Option<Received>, ConnectionFault>;

impl Connection {
    /// What the next bytes are for: so many into [`Connection::space`], or into a lent segment,
    /// or none at all after an error.
    pub fn want(&self) -> Want {
        if self.failed { Want::Nothing } else { self.decoder.want() }
    }

    /// Where the next bytes go.
    pub fn space(&mut self) -> &mut [u8] {
        self.decoder.space()
    }

    /// Says that so many bytes were put into [`Connection::space`]; what they meant.
    ///
    /// # Errors
    /// When the connection has to end.
    pub fn advance(&mut self, bytes: usize) -> Result<Option<Received>, ConnectionError> {
        self.guarded(|connection| {
            let decoded = connection.decoder.advance(bytes)?;
            connection.take(decoded)
        })
    }

    /// Takes what it can of `bytes`: how many, and what they meant. Call it again with the rest.
    ///
    /// # Errors
    /// When the connection has to end.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Received>), ConnectionError> {
        let mut taken = 0;
        let received = self.guarded(|connection| {
            while taken < bytes.len() {
                let (step, decoded) = connection.decoder.feed(&bytes[taken..])?;
                taken += step;
                let received = connection.take(decoded)?;
                if received.is_some() {
                    return Ok(received);
                }
            }
            Ok(None)
        })?;
        Ok((taken, received))
    }

    /// Lends the segment that the next bytes belong into; `None` when they don't go into one.
    pub fn lend(&mut self) -> Option<PayloadSpace> {
        self.decoder.lend()
    }

    /// Takes a lent segment back, with so many bytes more in it.
    ///
    /// # Errors
    /// When the connection has to end.
    pub fn take_back(
        &mut self,
        segment: Segment,
        bytes: usize,
    ) -> Result<Option<Received>, ConnectionError> {
        self.guarded(|connection| {
            let decoded = connection.decoder.take_back(segment, bytes)?;
            connection.take(decoded)
        })
    }

    /// The peer's bytes have ended.
    ///
    /// # Errors
    /// When it had not said its last word.
    pub fn ended(&mut self) -> Result<(), ConnectionError> {
        let open = self.incoming.len() + self.outgoing.len();
        let gracefully = self.peer_closed && self.decoder.may_end();
        self.guarded(|_| if gracefully { Ok(()) } else { Err(ConnectionFault::Cut { open }) })
    }

    /// Runs `step`; after an error nothing more is received, and the peer is told.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, ConnectionFault>,
    ) -> Result<T, ConnectionError> {
        let outcome = if self.failed { Err(ConnectionFault::Failed) } else { step(self) };
        outcome.map_err(|fault| {
            if !self.failed {
                self.failed = true;
                let hears =
                    !matches!(fault, ConnectionFault::Peer(_) | ConnectionFault::Cut { .. });
                if hears && self.last_word != LastWord::Said {
                    let error = PeerError::new(ErrorCode::Protocol, &fault.to_string());
                    self.last_word = LastWord::Error(error);
                } else {
                    self.last_word = LastWord::Said;
                }
            }
            ConnectionError { peer: self.options.peer.clone(), fault }
        })
    }

    fn take(&mut self, decoded: Option<Decoded>) -> Outcome {
        if let Want::Segment(header) = self.decoder.want() {
            self.supply(header)?;
        }
        decoded.map_or(Ok(None), |decoded| self.handle(decoded))
    }

    /// Has the payload behind `header` received into a segment of its channel.
    fn supply(&mut self, header: WireHeader) -> Result<(), ConnectionFault> {
        let WireHeader { kind, channel, .. } = header;
        if self.peer_closed {
            return Err(ConnectionFault::AfterClose { kind });
        }
        let incoming = self.incoming.get_mut(&channel);
        let incoming = incoming.ok_or(ConnectionFault::UnknownChannel { kind, channel })?;
        let place = Place { channel, address: incoming.address() };
        let segment = incoming.take_segment();
        let source = FlowError::NoCredit;
        self.decoder.supply(segment.ok_or(ConnectionFault::Flow { place, source })?);
        Ok(())
    }

    fn handle(&mut self, Decoded { header, frame }: Decoded) -> Outcome {
        if self.peer_closed {
            return Err(ConnectionFault::AfterClose { kind: header.kind });
        }
        match frame {
            Frame::Data(buffer) => self.data(header, buffer),
            Frame::Event(event) => {
                self.came(header, Came::Event(event))?;
                self.event(header, event)
            }
            Frame::Backlog => {
                self.came(header, Came::Backlog)?;
                Ok(Some(Received::Backlog { channel: header.channel, backlog: header.backlog }))
            }
            Frame::Released => {
                self.came(header, Came::Released)?;
                self.incoming.remove(&header.channel);
                Ok(Some(Received::Released { channel: header.channel }))
            }
            Frame::Request(request) => self.request(header, request),
            Frame::AddCredit => {
                let (sequence, credit) = (header.sequence, header.credit);
                self.hear(header, SenderEvent::Credit { sequence, credit })
            }
            Frame::Resume(checkpoint) => {
                let sequence = header.sequence;
                self.hear(header, SenderEvent::Resumed { sequence, checkpoint })
            }
            Frame::Cancel => self.canceled(header, None),
            Frame::Error(error) if header.flags.has(WireFlags::WHOLE_CONNECTION) => {
                Err(ConnectionFault::Peer(error))
            }
            Frame::Error(error) if header.flags.has(WireFlags::FROM_PRODUCER) => {
                let place = self.came(header, Came::Released)?;
                self.incoming.remove(&header.channel);
                Ok(Some(Received::Failed { channel: header.channel, place, error }))
            }
            Frame::Error(error) => self.canceled(header, Some(error)),
            Frame::Close => {
                self.peer_closed = true;
                let open = self.incoming.len() + self.outgoing.len();
                if open > 0 {
                    return Err(ConnectionFault::ClosedEarly { open });
                }
                Ok(Some(Received::Closed))
            }
        }
    }

    /// Checks a frame for a channel of this consumer.
    fn came(&mut self, header: WireHeader, what: Came) -> Result<Place, ConnectionFault> {
        let WireHeader { kind, channel, sequence, .. } = header;
        let incoming = self.incoming.get_mut(&channel);
        let incoming = incoming.ok_or(ConnectionFault::UnknownChannel { kind, channel })?;
        let place = Place { channel, address: incoming.address() };
        let step = incoming.receiver.step(ReceiverEvent::Came { sequence, what });
        step.map_err(|source| ConnectionFault::Flow { place, source })?;
        Ok(place)
    }

    fn data(&mut self, header: WireHeader, buffer: Buffer) -> Outcome {
        let place = self.came(header, Came::Data)?;
        if self.options.trust == Trust::Validate
            && let Some(incoming) = self.incoming.get_mut(&header.channel)
        {
            let check = incoming.check.check(&buffer);
            check.map_err(|source| ConnectionFault::Records { place, source })?;
        }
        let WireHeader { channel, backlog, .. } = header;
        Ok(Some(Received::Data { channel, buffer, backlog }))
    }

    fn event(&mut self, header: WireHeader, event: WireEvent) -> Outcome {
        let WireHeader { channel, backlog, .. } = header;
        if event == WireEvent::InChannel(Event::EndOfPartition)
            && let Some(incoming) = self.incoming.remove(&channel)
        {
            let place = Place { channel, address: incoming.address() };
            if self.options.trust == Trust::Validate && !incoming.check.may_end() {
                return Err(ConnectionFault::CutRecord { place });
            }
        }
        Ok(Some(Received::Event { channel, event, backlog }))
    }

    fn request(&mut self, header: WireHeader, request: PartitionRequest) -> Outcome {
        let WireHeader { channel, sequence, credit, .. } = header;
        let expected = self.requested;
        if channel.0 != expected {
            return Err(ConnectionFault::ChannelNumber { expected, found: channel });
        }
        let max = self.options.channels_max;
        if self.outgoing.len() >= max as usize || expected == u32::MAX {
            return Err(ConnectionFault::TooManyChannels { max });
        }
        self.requested += 1;
        let options = SenderOptions {
            marks: self.options.marks.channel,
            holds_at_barriers: request.holds_at_barriers,
        };
        self.outgoing.insert(channel, Outgoing::new(request, options));
        self.hear(header, SenderEvent::Credit { sequence, credit })?;
        Ok(Some(Received::Requested { channel, request }))
    }

    /// A step that the consumer of a channel of this producer asked for.
    fn hear(&mut self, header: WireHeader, event: SenderEvent<Buffer>) -> Outcome {
        if self.is_over_for(header)? {
            return Ok(None);
        }
        let channel = header.channel;
        if let Some(outgoing) = self.outgoing.get_mut(&channel) {
            let place = Place { channel, address: outgoing.address() };
            let heard = outgoing.hear(event);
            heard.map_err(|source| ConnectionFault::Flow { place, source })?;
            self.line_up_producer(channel);
        }
        Ok(None)
    }

    fn canceled(&mut self, header: WireHeader, error: Option<PeerError>) -> Outcome {
        if self.is_over_for(header)? {
            return Ok(None);
        }
        let channel = header.channel;
        if let Some(outgoing) = self.outgoing.get_mut(&channel) {
            let place = Place { channel, address: outgoing.address() };
            let released = outgoing.release(header.sequence);
            released.map_err(|source| ConnectionFault::Flow { place, source })?;
            self.line_up_producer(channel);
        }
        Ok(Some(Received::Canceled { channel, error }))
    }

    /// Whether the channel of a consumer's frame has had its last word, which the consumer may
    /// not know yet.
    fn is_over_for(&self, header: WireHeader) -> Result<bool, ConnectionFault> {
        let WireHeader { kind, channel, .. } = header;
        if self.outgoing.contains_key(&channel) {
            return Ok(false);
        }
        let was_open = channel.0 < self.requested;
        if was_open && kind != WireKind::Request {
            return Ok(true);
        }
        Err(ConnectionFault::UnknownChannel { kind, channel })
    }
}
