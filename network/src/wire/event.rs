//! What a channel carries besides data, as bytes.

use std::time::Duration;

use super::{WireError, WireFlags, WireKind, constants::EVENT_BYTES};
use crate::{
    Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
};

const END: u8 = 1;
const BARRIER: u8 = 2;
const CANCEL: u8 = 3;
const ANNOUNCED: u8 = 4;

const ALIGNED: u8 = 0;
const ALIGNED_UNTIL: u8 = 1;
const UNALIGNED: u8 = 2;

/// An event on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireEvent {
    /// Something in the channel.
    InChannel(Event),
    /// A barrier whose time to align is limited waits at the producer; it comes later.
    Announced(CheckpointBarrier),
}

impl WireEvent {
    /// Whether it goes before all that waits.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::InChannel(Event::Barrier(barrier)) => barrier.overtakes(),
            Self::InChannel(_) => false,
            Self::Announced(_) => true,
        }
    }

    /// The flags of its frame.
    pub fn flags(&self) -> WireFlags {
        if self.is_urgent() { WireFlags::PRIORITY } else { WireFlags::NONE }
    }

    /// The body of its frame.
    pub fn to_bytes(self) -> [u8; EVENT_BYTES] {
        let (code, barrier, checkpoint) = match self {
            Self::InChannel(Event::EndOfPartition) => (END, None, 0),
            Self::InChannel(Event::CancelCheckpoint(checkpoint)) => (CANCEL, None, checkpoint.0),
            Self::InChannel(Event::Barrier(barrier)) => {
                (BARRIER, Some(barrier), barrier.checkpoint.0)
            }
            Self::Announced(barrier) => (ANNOUNCED, Some(barrier), barrier.checkpoint.0),
        };
        let mut bytes = [0; EVENT_BYTES];
        bytes[0] = code;
        bytes[8..16].copy_from_slice(&checkpoint.to_le_bytes());
        if let Some(barrier) = barrier {
            let (kind, limit) = match barrier.kind {
                BarrierKind::Aligned => (ALIGNED, Duration::ZERO),
                BarrierKind::AlignedUntil(limit) => (ALIGNED_UNTIL, limit),
                BarrierKind::Unaligned => (UNALIGNED, Duration::ZERO),
            };
            // A limit of 584 years is none.
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            bytes[1] = kind;
            bytes[16..24].copy_from_slice(&barrier.started_ms.to_le_bytes());
            bytes[24..32].copy_from_slice(&limit.to_le_bytes());
        }
        bytes
    }

    /// The event in the body of a frame with `flags`.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(bytes: &[u8; EVENT_BYTES], flags: WireFlags) -> Result<Self, WireError> {
        let refuse = |field| WireError::Field { kind: WireKind::Event, field };
        let checkpoint = CheckpointId(field(bytes, 8));
        let barrier = || {
            let limit = Duration::from_nanos(field(bytes, 24));
            let kind = match bytes[1] {
                ALIGNED => BarrierKind::Aligned,
                ALIGNED_UNTIL => BarrierKind::AlignedUntil(limit),
                UNALIGNED => BarrierKind::Unaligned,
                _ => return Err(refuse("kind of barrier")),
            };
            let started_ms = field(bytes, 16).cast_signed();
            Ok(CheckpointBarrier { checkpoint, started_ms, kind })
        };
        let event = match bytes[0] {
            END => Self::InChannel(Event::EndOfPartition),
            CANCEL => Self::InChannel(Event::CancelCheckpoint(checkpoint)),
            BARRIER => Self::InChannel(Event::Barrier(barrier()?)),
            ANNOUNCED => {
                let barrier = barrier()?;
                if !barrier.is_limited() {
                    return Err(refuse("kind of announced barrier"));
                }
                Self::Announced(barrier)
            }
            _ => return Err(refuse("code")),
        };
        // What encodes to other bytes has something where nothing belongs.
        if event.to_bytes() != *bytes {
            return Err(refuse("unused part"));
        }
        if event.flags() != flags {
            return Err(WireError::Flags { kind: WireKind::Event, flags });
        }
        Ok(event)
    }
}

fn field(bytes: &[u8; EVENT_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("a field lies inside the event"))
}
