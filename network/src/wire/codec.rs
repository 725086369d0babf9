//! Compression of payloads, a buffer at a time.
//!
//! ```text
//! body   0..4   u32 LE: bytes that it becomes, from 1 to a segment
//!        4..    an LZ4 block or a Zstandard frame
//! ```

use std::{fmt, io};

use lz4_flex::block as lz4;
use zstd::bulk;

use super::{WireError, WireFlags, constants::PLAIN_LENGTH_BYTES};

/// Zstandard's level: the fastest that still beats LZ4 by much. What a network waits for is
/// the processor.
const ZSTD_LEVEL: i32 = 1;

/// How payloads are compressed, the key `taskmanager.network.compression.codec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Codec {
    /// As they are.
    #[default]
    None,
    /// LZ4 blocks: fast.
    Lz4,
    /// Zstandard: small.
    Zstd,
}

impl Codec {
    fn flags(self) -> WireFlags {
        match self {
            Self::None => WireFlags::NONE,
            Self::Lz4 => WireFlags::LZ4,
            Self::Zstd => WireFlags::ZSTD,
        }
    }
}

/// Compresses payloads of one connection; reuses its memory.
pub struct Compressor {
    codec: Codec,
    zstd: Option<bulk::Compressor<'static>>,
    room: Box<[u8]>,
}

impl Compressor {
    /// For payloads of at most `payload_max` bytes.
    ///
    /// # Errors
    /// When Zstandard gets no memory.
    pub fn new(codec: Codec, payload_max: usize) -> io::Result<Self> {
        let (zstd, room) = match codec {
            Codec::None => (None, 0),
            Codec::Lz4 => (None, lz4::get_maximum_output_size(payload_max)),
            Codec::Zstd => (
                Some(bulk::Compressor::new(ZSTD_LEVEL)?),
                zstd::zstd_safe::compress_bound(payload_max),
            ),
        };
        Ok(Self { codec, zstd, room: vec![0; PLAIN_LENGTH_BYTES + room].into() })
    }

    /// The body for `payload` and its flags, when that spares at least an eighth; `None` when
    /// the payload goes as it is.
    pub fn compress(&mut self, payload: &[u8]) -> Option<(WireFlags, &[u8])> {
        let (length, packed) = self.room.split_first_chunk_mut::<PLAIN_LENGTH_BYTES>()?;
        let bytes = match self.codec {
            Codec::None => return None,
            Codec::Lz4 => lz4::compress_into(payload, packed).ok()?,
            Codec::Zstd => self.zstd.as_mut()?.compress_to_buffer(payload, packed).ok()?,
        };
        let body = PLAIN_LENGTH_BYTES + bytes;
        if body > payload.len() - payload.len() / 8 {
            return None;
        }
        *length = u32::try_from(payload.len()).ok()?.to_le_bytes();
        Some((self.codec.flags(), &self.room[..body]))
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("codec", &self.codec).finish_non_exhaustive()
    }
}

/// Takes in compressed payloads and opens them.
pub(super) struct Decompressor {
    /// Where the body is received.
    pub(super) room: Box<[u8]>,
    zstd: Option<bulk::Decompressor<'static>>,
}

impl Decompressor {
    pub(super) fn new(payload_max: usize) -> Self {
        Self { room: vec![0; payload_max].into(), zstd: None }
    }

    /// Opens the first `length` bytes of the room into `segment`; how many it came to.
    pub(super) fn open(
        &mut self,
        length: usize,
        flags: WireFlags,
        segment: &mut [u8],
    ) -> Result<usize, WireError> {
        let body = &self.room[..length];
        let (plain, packed) = body.split_first_chunk().expect("the header's length was checked");
        let plain = u32::from_le_bytes(*plain);
        let most = segment.len();
        let place = segment.get_mut(..plain as usize).filter(|place| !place.is_empty());
        let place = place.ok_or(WireError::PlainLength { plain, most })?;
        let (codec, opened) = if flags.has(WireFlags::LZ4) {
            ("LZ4", lz4::decompress_into(packed, place).map_err(|error| error.to_string()))
        } else {
            let opened = open_zstd(&mut self.zstd, packed, place);
            ("Zstandard", opened.map_err(|error| error.to_string()))
        };
        match opened {
            Ok(bytes) if bytes == plain as usize => Ok(bytes),
            Ok(bytes) => {
                let reason = format!("it came to {bytes} bytes and not to {plain}");
                Err(WireError::Decompress { codec, reason })
            }
            Err(reason) => Err(WireError::Decompress { codec, reason }),
        }
    }
}

fn open_zstd(
    opener: &mut Option<bulk::Decompressor<'static>>,
    packed: &[u8],
    place: &mut [u8],
) -> io::Result<usize> {
    let opener = match opener {
        Some(opener) => opener,
        None => opener.insert(bulk::Decompressor::new()?),
    };
    opener.decompress_to_buffer(packed, place)
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("room", &self.room.len()).finish_non_exhaustive()
    }
}
