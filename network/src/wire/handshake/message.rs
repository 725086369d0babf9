//! The messages of a handshake, byte by byte.
//!
//! ```text
//! 0..4   "BRSH"; this head of eight bytes, and Refused, are the same in every version
//! 4..6   u16 LE: version
//! 6      message: 1 Hello, 2 Challenge, 3 Proof, 4 Welcome, 5 Refused
//! 7      why refused; else zero
//! 8..    Hello      nonce of 32 bytes
//!        Challenge  nonce of 32 bytes
//!        Proof      what for: a partition's address of 48 bytes; proof of 32 bytes
//!        Welcome    proof of 32 bytes
//!        Refused    nothing
//! last 4 u32 LE: CRC-32C of all before
//! ```

use std::fmt;

use super::secret::{NONCE_BYTES, PROOF_BYTES};
use crate::wire::{constants::VERSION, request::ADDRESS_BYTES};

pub(super) const MAGIC: [u8; 4] = *b"BRSH";
pub(super) const HEAD_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;
/// The longest message.
pub const MESSAGE_BYTES_MAX: usize = HEAD_BYTES + ADDRESS_BYTES + PROOF_BYTES + CHECKSUM_BYTES;

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum MessageKind {
    Hello = 1,
    Challenge = 2,
    Proof = 3,
    Welcome = 4,
    Refused = 5,
}

impl MessageKind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let all = [Self::Hello, Self::Challenge, Self::Proof, Self::Welcome, Self::Refused];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hello => "Hello",
            Self::Challenge => "Challenge",
            Self::Proof => "Proof",
            Self::Welcome => "Welcome",
            Self::Refused => "Refused",
        }
    }

    /// Bytes of the whole message.
    pub(super) fn bytes(self) -> usize {
        let body = match self {
            Self::Hello | Self::Challenge => NONCE_BYTES,
            Self::Proof => ADDRESS_BYTES + PROOF_BYTES,
            Self::Welcome => PROOF_BYTES,
            Self::Refused => 0,
        };
        HEAD_BYTES + body + CHECKSUM_BYTES
    }
}

/// Why a side ends the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The version is another.
    Version = 1,
    /// The proof is wrong.
    Secret = 2,
    /// The job is not known here.
    UnknownJob = 3,
    /// The attempt or its partition is not known here.
    UnknownPartition = 4,
    /// There are as many connections as there may be.
    TooMany = 5,
    /// A message was not to be understood.
    Protocol = 6,
}

impl Refusal {
    /// What the byte says; one that later versions may add counts as the last.
    pub(super) fn from_byte(byte: u8) -> Self {
        let all =
            [Self::Version, Self::Secret, Self::UnknownJob, Self::UnknownPartition, Self::TooMany];
        all.into_iter().find(|refusal| *refusal as u8 == byte).unwrap_or(Self::Protocol)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => {
                "the versions of the protocol differ; run one release of Brisk in the whole cluster"
            }
            Self::Secret => "the secrets differ; give all processes of the cluster the same one",
            Self::UnknownJob => "the job is not known there",
            Self::UnknownPartition => "the partition is not known there",
            Self::TooMany => "there are as many connections as there may be",
            Self::Protocol => "a message was not to be understood",
        })
    }
}

/// A message as it is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Message {
    /// # Panics
    /// If the body is not as long as its kind says.
    pub(super) fn new(kind: MessageKind, refusal: Option<Refusal>, body: &[&[u8]]) -> Self {
        let mut message = Self { bytes: [0; MESSAGE_BYTES_MAX], length: kind.bytes() };
        let refusal = refusal.map_or(0, |refusal| refusal as u8);
        message.bytes[..4].copy_from_slice(&MAGIC);
        message.bytes[4..6].copy_from_slice(&u16::from(VERSION).to_le_bytes());
        message.bytes[6] = kind as u8;
        message.bytes[7] = refusal;
        let mut at = HEAD_BYTES;
        for part in body {
            message.bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        assert_eq!(at + CHECKSUM_BYTES, message.length, "a {} has its length", kind.name());
        let checksum = crc32c::crc32c(&message.bytes[..at]).to_le_bytes();
        message.bytes[at..message.length].copy_from_slice(&checksum);
        message
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::new(MessageKind::Refused, Some(refusal), &[])
    }

    /// The bytes to send.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Everything but the checksum: what proofs are about.
    pub(super) fn said(&self) -> &[u8] {
        &self.bytes[..self.length - CHECKSUM_BYTES]
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = MessageKind::from_byte(self.bytes[6]).map(MessageKind::name);
        write!(f, "Message({}, {} bytes)", kind.unwrap_or("unknown"), self.length)
    }
}

/// Collects one message.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    bytes: [u8; MESSAGE_BYTES_MAX],
    filled: usize,
    /// Bytes of the message; first only those of its head.
    length: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { bytes: [0; MESSAGE_BYTES_MAX], filled: 0, length: HEAD_BYTES }
    }

    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..self.length]
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.length - self.filled, "more bytes than there was space for");
        self.filled += bytes;
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == self.length
    }

    /// The head, once it is there: magic, version, message, why refused.
    pub(super) fn head(&self) -> Option<([u8; 4], u16, u8, u8)> {
        let head = self.bytes.first_chunk::<HEAD_BYTES>().filter(|_| self.filled >= HEAD_BYTES)?;
        let [a, b, c, d, low, high, kind, refusal] = *head;
        Some(([a, b, c, d], u16::from_le_bytes([low, high]), kind, refusal))
    }

    /// Goes on to the rest of a message of `kind`.
    pub(super) fn expect(&mut self, kind: MessageKind) {
        self.length = kind.bytes();
    }

    /// The whole message, if its checksum is right.
    pub(super) fn take(&mut self) -> Option<Message> {
        assert!(self.is_full(), "a message is taken when it is whole");
        let message = Message { bytes: self.bytes, length: self.length };
        let (said, checksum) = message.as_slice().split_at(self.length - CHECKSUM_BYTES);
        let is_right = crc32c::crc32c(said).to_le_bytes() == *checksum;
        *self = Self::new();
        is_right.then_some(message)
    }
}
