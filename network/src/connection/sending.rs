//! Which frames go next.

use brisk_memory::{Buffer, Segment};

use super::{
    Batch, Connection, LastWord, Turn,
    batch::BatchWriter,
    incoming::{ConsumerBody, ConsumerFrame},
    outgoing::ProducerFrame,
};
use crate::{
    flow::{SenderEvent, What},
    wire::{CONTROL_BODY_MAX, ChannelId, PeerError, SeqNo, WireFlags, WireHeader, WireKind},
};

impl Connection {
    /// Whether [`Connection::fill`] has something to send.
    pub fn has_output(&self) -> bool {
        match self.last_word {
            LastWord::Said => false,
            LastWord::Error(_) => true,
            LastWord::None | LastWord::Close => {
                let data = !self.data.is_empty() && self.in_flight.is_open();
                data || !self.control.is_empty() || self.may_close()
            }
        }
    }

    /// Makes a batch of what is to be sent, headers in `output`; gives it back when there is
    /// nothing. First what needs no credit and what overtakes, then a frame of each channel in
    /// turn.
    ///
    /// # Panics
    /// If the batch is in use.
    pub fn fill(&mut self, output: Segment, batch: &mut Batch) -> Option<Segment> {
        let mut writer = BatchWriter::new(output, batch);
        if let LastWord::Error(error) = &self.last_word {
            let header = WireHeader::new(WireKind::Error, ChannelId(0), SeqNo::FIRST, &[]);
            write_error(&mut writer, header, error, WireFlags::WHOLE_CONNECTION);
            self.last_word = LastWord::Said;
        }
        while self.last_word != LastWord::Said && writer.has_room() {
            if let Some(turn) = self.control.pop_front() {
                match turn {
                    Turn::Consumer(channel) => self.write_consumer(channel, &mut writer),
                    Turn::Producer(channel) => {
                        if let Some(outgoing) = self.outgoing.get_mut(&channel) {
                            outgoing.leave_control_line();
                        }
                        self.write_producer(channel, &mut writer);
                    }
                }
            } else if self.in_flight.is_open()
                && let Some(channel) = self.data.pop_front()
            {
                if let Some(outgoing) = self.outgoing.get_mut(&channel) {
                    outgoing.leave_data_line();
                }
                self.write_producer(channel, &mut writer);
            } else {
                if self.may_close() {
                    let close = WireHeader::new(WireKind::Close, ChannelId(0), SeqNo::FIRST, &[]);
                    writer.copy(close, &[]);
                    self.last_word = LastWord::Said;
                }
                break;
            }
        }
        writer.finish()
    }

    /// Takes note that a batch has left, or never will; the segment of its headers, if nobody
    /// has a part of it.
    pub fn written(&mut self, batch: &mut Batch) -> Option<Segment> {
        for at in 0..batch.data.len() {
            let (channel, bytes) = batch.data[at];
            self.in_flight.remove(bytes);
            if let Some(outgoing) = self.outgoing.get_mut(&channel) {
                outgoing.hear(SenderEvent::Written(bytes)).expect("that is ours");
                self.line_up_producer(channel);
            }
        }
        batch.clear()
    }

    fn may_close(&self) -> bool {
        self.last_word == LastWord::Close && self.incoming.is_empty() && self.outgoing.is_empty()
    }

    fn write_consumer(&mut self, channel: ChannelId, writer: &mut BatchWriter<'_>) {
        let Some(incoming) = self.incoming.get_mut(&channel) else { return };
        let Some(frame) = incoming.next_frame() else { return };
        let ConsumerFrame { kind, sequence, credit, body } = frame;
        let write = |writer: &mut BatchWriter<'_>, body: &[u8]| {
            let header = WireHeader::new(kind, channel, sequence, body);
            writer.copy(WireHeader { credit, ..header }, body);
        };
        match body {
            ConsumerBody::None => write(writer, &[]),
            ConsumerBody::Request(request) => write(writer, &request.to_bytes()),
            ConsumerBody::Resume(checkpoint) => write(writer, &checkpoint.0.to_le_bytes()),
        }
        self.line_up_consumer(channel);
    }

    fn write_producer(&mut self, channel: ChannelId, writer: &mut BatchWriter<'_>) {
        let Some(outgoing) = self.outgoing.get_mut(&channel) else { return };
        let Some(frame) = outgoing.next_frame() else { return };
        let is_done = outgoing.is_done();
        match frame {
            ProducerFrame::Released(sequence) => {
                writer.copy(WireHeader::new(WireKind::Released, channel, sequence, &[]), &[]);
            }
            ProducerFrame::Error(sequence, error) => {
                let header = WireHeader::new(WireKind::Error, channel, sequence, &[]);
                write_error(writer, header, &error, WireFlags::FROM_PRODUCER);
            }
            ProducerFrame::Flow { sequence, backlog, what } => match what {
                What::Data(payload) => {
                    let place = DataPlace { channel, sequence, backlog };
                    self.write_data(place, payload, writer);
                }
                What::Event(event) => {
                    let body = event.to_bytes();
                    let header = WireHeader::new(WireKind::Event, channel, sequence, &body);
                    writer.copy(WireHeader { flags: event.flags(), backlog, ..header }, &body);
                }
                What::Backlog => {
                    let header = WireHeader::new(WireKind::Backlog, channel, sequence, &[]);
                    writer.copy(WireHeader { backlog, ..header }, &[]);
                }
            },
        }
        if is_done {
            self.outgoing.remove(&channel);
        } else {
            self.line_up_producer(channel);
        }
    }

    fn write_data(&mut self, place: DataPlace, payload: Buffer, writer: &mut BatchWriter<'_>) {
        let DataPlace { channel, sequence, backlog } = place;
        let in_flight = u32::try_from(payload.len()).expect("a segment has 1 MiB at most");
        self.in_flight.add(in_flight);
        writer.count(channel, in_flight);
        let kind = WireKind::Data;
        match self.compressor.compress(&payload) {
            Some((flags, body)) if writer.has_room_for(body.len()) => {
                let header = WireHeader::new(kind, channel, sequence, body);
                writer.copy(WireHeader { flags, backlog, ..header }, body);
            }
            _ => {
                let header = WireHeader::new(kind, channel, sequence, &payload);
                writer.payload(WireHeader { backlog, ..header }, payload);
            }
        }
    }
}

/// Where a buffer belongs.
struct DataPlace {
    channel: ChannelId,
    sequence: SeqNo,
    backlog: u32,
}

fn write_error(
    writer: &mut BatchWriter<'_>,
    header: WireHeader,
    error: &PeerError,
    flags: WireFlags,
) {
    let mut room = [0; CONTROL_BODY_MAX];
    let length = error.write(&mut room);
    let body = &room[..length];
    let with_body = WireHeader::new(header.kind, header.channel, header.sequence, body);
    writer.copy(WireHeader { flags, ..with_body }, body);
}
