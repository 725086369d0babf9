//! What is wrong with bytes from a peer.

use super::{WireFlags, WireKind, constants::VERSION};

/// Why a stream of frames was refused. After it nothing of the stream can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// No frame begins here.
    #[error(
        "a frame begins with the bytes {found:02x?}, so this is no peer of ours, or bytes were lost"
    )]
    Magic {
        /// What is there.
        found: [u8; 4],
    },
    /// A frame of another version, behind a handshake of ours.
    #[error("a frame of version {found}, this is version {VERSION}: bytes were damaged on the way")]
    Version {
        /// What is there.
        found: u8,
    },
    /// The header is not what was sent.
    #[error("the checksum of a frame's header is wrong: bytes were damaged on the way")]
    HeaderChecksum,
    /// The body is not what was sent.
    #[error("the checksum of the body of a {kind:?} frame is wrong: bytes were damaged on the way")]
    BodyChecksum {
        /// The frame's kind.
        kind: WireKind,
    },
    /// A kind that nobody sends.
    #[error("a frame of the unknown kind {found}")]
    Kind {
        /// What is there.
        found: u8,
    },
    /// Flags that the kind doesn't have.
    #[error("a {kind:?} frame with flags {flags}, which it can't have")]
    Flags {
        /// The frame's kind.
        kind: WireKind,
        /// Its flags.
        flags: WireFlags,
    },
    /// A body that is too short or too long for its kind.
    #[error("a {kind:?} frame of {length} bytes; it has from {least} to {most}")]
    Length {
        /// The frame's kind.
        kind: WireKind,
        /// What its header says.
        length: u32,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A field that the kind doesn't use is not zero, or has a value that can't be.
    #[error("the {field} of a {kind:?} frame has a value that can't be there")]
    Field {
        /// The frame's kind.
        kind: WireKind,
        /// The field.
        field: &'static str,
    },
    /// A compressed payload comes to more bytes than a segment has, or to none.
    #[error("a compressed payload says it comes to {plain} bytes; a segment has {most}")]
    PlainLength {
        /// What it says.
        plain: u32,
        /// The most.
        most: usize,
    },
    /// A compressed payload can't be read.
    #[error("a compressed payload can't be read ({codec}): {reason}")]
    Decompress {
        /// How it is compressed.
        codec: &'static str,
        /// What the codec says.
        reason: String,
    },
    /// The stream went on after it had been refused.
    #[error("the stream was refused before")]
    Refused,
}
