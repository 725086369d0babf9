//! Takes a stream of frames apart, at whatever byte it is cut.
//!
//! ```text
//!            header whole             segment supplied            body whole
//!  Header ----------------> NeedsSegment -------------> Payload ---------------+
//!    | ^  \                                                                    |
//!    | |   \ not data: Control --------------------------- body whole ---------+
//!    | +------------------------------------ Decoded --------------------------+
//!    +--> Refused, from any state, for ever
//! ```
//!
//! The decoder says where the next bytes have to go: into its own array for headers and
//! short bodies, into the segment that its caller supplied for a payload. So a payload is
//! received where it is read. What is compressed is received into the decoder's block and
//! opened into the segment. Nothing is allocated for a frame, but for the text of an error.

use brisk_memory::{Buffer, Segment};

use super::{
    PartitionRequest, PeerError, WireError, WireEvent, WireFlags, WireHeader, WireKind,
    codec::Decompressor,
    constants::{CONTROL_BODY_MAX, HEADER_BYTES},
};
use crate::barrier::CheckpointId;

/// What [`Decoder::new`] needs.
#[derive(Clone, Copy, Debug)]
pub struct DecoderOptions {
    /// The longest payload: the size of a segment, at both ends.
    pub payload_max: usize,
}

/// What the decoder waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// So many bytes, into [`Decoder::space`].
    Bytes(usize),
    /// A segment for the payload behind this header: [`Decoder::supply`].
    Segment(WireHeader),
    /// The segment that [`Decoder::lend`] gave out.
    Lent,
    /// Nothing: the stream was refused.
    Nothing,
}

/// What a frame said.
#[derive(Debug)]
pub enum Frame {
    /// A buffer.
    Data(Buffer),
    /// What is not data.
    Event(WireEvent),
    /// Credit; the header has it.
    AddCredit,
    /// A backlog; the header has it.
    Backlog,
    /// A channel is to be opened.
    Request(PartitionRequest),
    /// The consumer goes on behind the barrier of this checkpoint.
    Resume(CheckpointId),
    /// The consumer wants no more.
    Cancel,
    /// The producer has heard that.
    Released,
    /// The last word, a bad one.
    Error(PeerError),
    /// The last frame.
    Close,
}

/// A whole frame.
#[derive(Debug)]
pub struct Decoded {
    /// Its header.
    pub header: WireHeader,
    /// What it said.
    pub frame: Frame,
}

/// A segment on loan to an operation that receives into it: `bytes` bytes from `at` on.
#[derive(Debug)]
pub struct PayloadSpace {
    /// The segment.
    pub segment: Segment,
    /// Where the next byte goes.
    pub at: usize,
    /// How many the frame still has.
    pub bytes: usize,
}

#[derive(Debug)]
enum Stage {
    Header,
    Control(WireHeader),
    NeedsSegment(WireHeader),
    Payload(WireHeader, Segment),
    Lent(WireHeader),
    Refused,
}

/// The state of one incoming stream.
#[derive(Debug)]
pub struct Decoder {
    stage: Stage,
    /// Bytes of the present stage that are there.
    filled: usize,
    head: [u8; HEADER_BYTES],
    body: [u8; CONTROL_BODY_MAX],
    packed: Decompressor,
    payload_max: usize,
}

impl Decoder {
    /// At the beginning of a stream.
    pub fn new(options: DecoderOptions) -> Self {
        Self {
            stage: Stage::Header,
            filled: 0,
            head: [0; HEADER_BYTES],
            body: [0; CONTROL_BODY_MAX],
            packed: Decompressor::new(options.payload_max),
            payload_max: options.payload_max,
        }
    }

    /// What it waits for.
    pub fn want(&self) -> Want {
        match &self.stage {
            Stage::Header => Want::Bytes(HEADER_BYTES - self.filled),
            Stage::Control(header) | Stage::Payload(header, _) => {
                Want::Bytes(header.length as usize - self.filled)
            }
            Stage::NeedsSegment(header) => Want::Segment(*header),
            Stage::Lent(_) => Want::Lent,
            Stage::Refused => Want::Nothing,
        }
    }

    /// Whether the stream may end here: no frame is begun.
    pub fn may_end(&self) -> bool {
        matches!(self.stage, Stage::Header) && self.filled == 0
    }

    /// Where the next bytes go, as many as [`Decoder::want`] says; none when that isn't bytes.
    pub fn space(&mut self) -> &mut [u8] {
        let from = self.filled;
        match &mut self.stage {
            Stage::Header => &mut self.head[from..],
            Stage::Control(header) => &mut self.body[from..header.length as usize],
            Stage::Payload(header, segment) => {
                let place = if header.codec_flags() == WireFlags::NONE {
                    segment.as_mut_slice()
                } else {
                    &mut *self.packed.room
                };
                &mut place[from..header.length as usize]
            }
            Stage::NeedsSegment(_) | Stage::Lent(_) | Stage::Refused => &mut [],
        }
    }

    /// Says that so many bytes were put into [`Decoder::space`]; the frame, if they made one
    /// whole.
    ///
    /// # Errors
    /// When the stream has to be refused.
    ///
    /// # Panics
    /// If the space doesn't have as many.
    pub fn advance(&mut self, bytes: usize) -> Result<Option<Decoded>, WireError> {
        assert!(bytes <= self.space().len(), "more bytes than there was space for");
        self.filled += bytes;
        if self.want() != Want::Bytes(0) {
            return if bytes == 0 { self.unless_refused() } else { Ok(None) };
        }
        self.turn()
    }

    /// Copies what it can take of `bytes`; how many, and the frame, if they made one whole.
    /// Fewer than all are taken behind a frame, or when a segment has to be supplied.
    ///
    /// # Errors
    /// As [`Decoder::advance`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Decoded>), WireError> {
        let mut taken = 0;
        loop {
            let left = &bytes[taken..];
            let space = self.space();
            let step = left.len().min(space.len());
            space[..step].copy_from_slice(&left[..step]);
            taken += step;
            let decoded = self.advance(step)?;
            if decoded.is_some() || step == 0 {
                return Ok((taken, decoded));
            }
        }
    }

    /// Gives the segment that [`Want::Segment`] asks for.
    ///
    /// # Panics
    /// If none is asked for, or it is smaller than payloads may be.
    pub fn supply(&mut self, segment: Segment) {
        let Stage::NeedsSegment(header) = self.stage else { panic!("no segment is asked for") };
        assert!(segment.size() >= self.payload_max, "segments of one size at both ends");
        self.stage = Stage::Payload(header, segment);
    }

    /// Lends the segment to an operation that receives into it; `None` when the next bytes
    /// don't go into a segment.
    pub fn lend(&mut self) -> Option<PayloadSpace> {
        let Stage::Payload(header, _) = &self.stage else { return None };
        let header = *header;
        if header.codec_flags() != WireFlags::NONE {
            return None;
        }
        let Stage::Payload(_, segment) = std::mem::replace(&mut self.stage, Stage::Lent(header))
        else {
            unreachable!("it was looked at just now");
        };
        let bytes = header.length as usize - self.filled;
        Some(PayloadSpace { segment, at: self.filled, bytes })
    }

    /// Takes a lent segment back, with so many bytes more in it.
    ///
    /// # Errors
    /// As [`Decoder::advance`].
    ///
    /// # Panics
    /// If none was lent, or there are more bytes than the frame has.
    pub fn take_back(
        &mut self,
        segment: Segment,
        bytes: usize,
    ) -> Result<Option<Decoded>, WireError> {
        let Stage::Lent(header) = self.stage else { panic!("no segment was lent") };
        self.stage = Stage::Payload(header, segment);
        if bytes == 0 { Ok(None) } else { self.advance(bytes) }
    }

    /// The present stage is whole.
    fn turn(&mut self) -> Result<Option<Decoded>, WireError> {
        let stage = std::mem::replace(&mut self.stage, Stage::Refused);
        let filled = std::mem::take(&mut self.filled);
        let decoded = match stage {
            Stage::Header => {
                let header = WireHeader::from_bytes(&self.head, self.payload_max)?;
                match header.kind {
                    WireKind::Data => {
                        self.stage = Stage::NeedsSegment(header);
                        return Ok(None);
                    }
                    _ if header.length > 0 => {
                        self.stage = Stage::Control(header);
                        return Ok(None);
                    }
                    _ => self.control(header)?,
                }
            }
            Stage::Control(header) => self.control(header)?,
            Stage::Payload(header, segment) => self.payload(header, segment)?,
            Stage::NeedsSegment(_) | Stage::Lent(_) | Stage::Refused => {
                unreachable!("after {filled} bytes: these stages take none")
            }
        };
        self.stage = Stage::Header;
        Ok(Some(decoded))
    }

    fn payload(&mut self, header: WireHeader, mut segment: Segment) -> Result<Decoded, WireError> {
        let length = header.length as usize;
        let flags = header.codec_flags();
        let packed = flags != WireFlags::NONE;
        let body = if packed { &*self.packed.room } else { segment.as_slice() };
        check_body(&header, &body[..length])?;
        let length = if packed {
            let place = &mut segment.as_mut_slice()[..self.payload_max];
            self.packed.open(length, flags, place)?
        } else {
            length
        };
        Ok(Decoded { header, frame: Frame::Data(segment.freeze(length)) })
    }

    fn control(&mut self, header: WireHeader) -> Result<Decoded, WireError> {
        let body = &self.body[..header.length as usize];
        check_body(&header, body)?;
        let whole = "the header's length was checked";
        let frame = match header.kind {
            WireKind::Event => {
                let bytes = body.try_into().expect(whole);
                Frame::Event(WireEvent::from_bytes(bytes, header.flags)?)
            }
            WireKind::AddCredit => Frame::AddCredit,
            WireKind::Backlog => Frame::Backlog,
            WireKind::Request => {
                Frame::Request(PartitionRequest::from_bytes(body.try_into().expect(whole))?)
            }
            WireKind::Resume => {
                Frame::Resume(CheckpointId(u64::from_le_bytes(body.try_into().expect(whole))))
            }
            WireKind::Cancel => Frame::Cancel,
            WireKind::Released => Frame::Released,
            WireKind::Error => Frame::Error(PeerError::from_bytes(body)?),
            WireKind::Close => Frame::Close,
            WireKind::Data => unreachable!("data goes into a segment"),
        };
        Ok(Decoded { header, frame })
    }

    fn unless_refused(&self) -> Result<Option<Decoded>, WireError> {
        if matches!(self.stage, Stage::Refused) { Err(WireError::Refused) } else { Ok(None) }
    }
}

fn check_body(header: &WireHeader, body: &[u8]) -> Result<(), WireError> {
    if crc32c::crc32c(body) == header.body_checksum {
        Ok(())
    } else {
        Err(WireError::BodyChecksum { kind: header.kind })
    }
}
