//! The protocol between processes, byte by byte.
//!
//! Owns: the layout of frames ([`WireHeader`], [`WireEvent`], [`PartitionRequest`],
//! [`PeerError`]), the decoder that takes them apart at any byte boundary ([`Decoder`]),
//! compression of payloads ([`Compressor`]), and the handshake before the first frame
//! ([`handshake`]). The README beside this file is the byte table.
//!
//! Invariants:
//! - No length is trusted: each is checked against what its kind allows before a byte of
//!   the body is received. What decodes, encodes to the same bytes.
//! - The bytes of a payload are received into the segment in which records are read.
//! - A stream that was refused once stays refused.
//!
//! Thread: pure, any. Deliberately absent: sockets, time, who may send what and when
//! ([`crate::flow`], [`crate::connection`]).

mod codec;
mod constants;
mod decoder;
mod error;
mod event;
mod exercise;
pub mod handshake;
mod header;
mod peer_error;
mod request;

pub use codec::{Codec, Compressor};
pub use constants::{
    CONTROL_BODY_MAX, CREDIT_MAX, ERROR_TEXT_MAX, EVENT_BYTES, HEADER_BYTES, MAGIC, REQUEST_BYTES,
    RESUME_BYTES, VERSION,
};
pub use decoder::{Decoded, Decoder, DecoderOptions, Frame, PayloadSpace, Want};
pub use error::WireError;
pub use event::WireEvent;
pub use exercise::{exercise, repaired};
pub use header::{WireFlags, WireHeader, WireKind};
pub use peer_error::{ErrorCode, PeerError};
pub use request::{AttemptId, JobId, PartitionAddress, PartitionId, PartitionRequest};

use std::fmt;

/// The number of a channel on its connection, given by its consumer; never used twice on
/// one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The position of a frame among those of its channel and direction, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqNo(pub u64);

impl SeqNo {
    /// That of the first frame.
    pub const FIRST: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^64 frames take longer than any job runs"))
    }
}

impl fmt::Display for SeqNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
