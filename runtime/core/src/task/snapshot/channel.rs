//! In-flight buffers that became part of a checkpoint.

use brisk_memory::Buffer;
use brisk_network::{
    CapturedOutput, ChannelIndex,
    frame::{BUFFER_HEADER, FRAME_HEADER, FrameHeader, FrameKind, frame_at},
};

use crate::{checkpoint::handle::ChannelSide, task::inputs::InputState};

/// Frames behind a buffer's header, shared with whoever reads them or copied.
#[derive(Debug)]
pub(crate) enum CutBytes {
    /// Shared.
    Buffer(Buffer),
    /// A part that no buffer has by itself.
    Copy(Vec<u8>),
}

/// What was in flight in one channel, oldest first.
#[derive(Debug)]
pub(crate) struct ChannelCut {
    pub(crate) side: ChannelSide,
    pub(crate) buffers: Vec<CutBytes>,
}

impl CutBytes {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Buffer(buffer) => buffer,
            Self::Copy(bytes) => bytes,
        }
    }

    fn into_copy(self) -> Self {
        match self {
            Self::Buffer(buffer) => Self::Copy(buffer.to_vec()),
            copy @ Self::Copy(_) => copy,
        }
    }
}

/// A buffer of the frames from `position` on.
fn rest_of(buffer: &[u8], position: usize) -> CutBytes {
    let mut bytes = vec![0; BUFFER_HEADER];
    bytes.extend_from_slice(&buffer[position..]);
    let mut at = BUFFER_HEADER;
    let mut records = 0;
    while let Some(frame) = frame_at(&bytes, at) {
        records += u32::from(frame.header.begins_record());
        at = frame.next;
    }
    bytes[..4].copy_from_slice(&records.to_le_bytes());
    CutBytes::Copy(bytes)
}

/// A buffer with one frame.
fn framed(header: FrameHeader, payload: &[u8]) -> CutBytes {
    let mut bytes = u64::from(header.begins_record()).to_le_bytes().to_vec();
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(payload);
    CutBytes::Copy(bytes)
}

impl ChannelCut {
    /// Buffers of a channel of an input.
    pub(crate) fn of_input(gate: u32, channel: ChannelIndex, buffers: Vec<Buffer>) -> Self {
        let side = ChannelSide::Input { gate, channel: channel.0 };
        Self { side, buffers: buffers.into_iter().map(CutBytes::Buffer).collect() }
    }

    /// The same, of its own: whoever lent the segments has them back.
    pub(crate) fn into_copies(self) -> Self {
        let buffers = self.buffers.into_iter().map(CutBytes::into_copy).collect();
        Self { side: self.side, buffers }
    }

    /// What the reader of an input has begun of a channel and not passed on.
    pub(crate) fn in_hand(gate: u32, channel: ChannelIndex, state: &InputState) -> Option<Self> {
        let mut buffers = Vec::new();
        if let Some(pieces) = state.pieces.get(&channel) {
            let header = FrameHeader::new(pieces.bytes.len(), FrameKind::First, 0);
            buffers.push(framed(header.of_class(pieces.class), &pieces.bytes));
        }
        if let Some(current) = &state.current
            && current.channel == channel
            && current.position + FRAME_HEADER <= current.bytes().len()
        {
            buffers.push(rest_of(current.bytes(), current.position));
        }
        let side = ChannelSide::Input { gate, channel: channel.0 };
        (!buffers.is_empty()).then_some(Self { side, buffers })
    }

    /// What a barrier overtook in a partition.
    pub(crate) fn of_output(partition: u32, captured: CapturedOutput) -> Self {
        let CapturedOutput { channel, buffers, waiting } = captured;
        let mut buffers: Vec<CutBytes> = buffers.into_iter().map(CutBytes::Buffer).collect();
        for record in waiting {
            let kind = if record.is_begun { FrameKind::Last } else { FrameKind::Whole };
            let header = FrameHeader::new(record.bytes.len(), kind, record.key_hash);
            buffers.push(framed(header.of_class(record.class), &record.bytes));
        }
        let side = ChannelSide::Output { partition, subpartition: channel.0 };
        Self { side, buffers }
    }
}
