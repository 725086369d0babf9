//! Sizes and limits of the protocol, and how they relate.

use brisk_memory::SegmentSize;

/// What every frame begins with.
pub const MAGIC: [u8; 4] = *b"BRSK";
/// The version of frames and of the handshake. Peers of another version are refused.
pub const VERSION: u8 = 1;
/// Bytes of a header: 0.12 % of a segment of 32 KiB.
pub const HEADER_BYTES: usize = 40;
/// Bytes of an event.
pub const EVENT_BYTES: usize = 32;
/// Bytes of a request: the address of 48, and options.
pub const REQUEST_BYTES: usize = 56;
/// Bytes of a resumption: the checkpoint that is over.
pub const RESUME_BYTES: usize = 8;
/// Longest text of an error, in bytes.
pub const ERROR_TEXT_MAX: usize = 240;
/// Bytes of an error before its text.
pub(super) const ERROR_HEAD_BYTES: usize = 8;
/// Longest body that is no payload; the decoder has room for one.
pub const CONTROL_BODY_MAX: usize = 256;
/// The most credit a channel can have. A gate lends ten segments to a channel unless told
/// otherwise; what is far above any configuration is an attack or a bug.
pub const CREDIT_MAX: u32 = 1 << 16;
/// Bytes of a compressed payload before the compressed ones: how many they become.
pub(super) const PLAIN_LENGTH_BYTES: usize = 4;

const _: () = assert!(EVENT_BYTES <= CONTROL_BODY_MAX);
const _: () = assert!(REQUEST_BYTES <= CONTROL_BODY_MAX);
const _: () = assert!(RESUME_BYTES <= CONTROL_BODY_MAX);
const _: () = assert!(ERROR_HEAD_BYTES + ERROR_TEXT_MAX <= CONTROL_BODY_MAX);
const _: () = assert!(SegmentSize::MAX.bytes() <= u32::MAX as usize);
