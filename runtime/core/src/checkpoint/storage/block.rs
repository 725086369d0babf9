//! Blocks of state files.
//!
//! A file begins with 16 bytes: the magic `BRISKSTA`, the version 1 in two bytes, six zeros. Blocks
//! follow without gaps, each state in blocks of its own:
//!
//! ```text
//!  offset size
//!       0    4  magic "BLCK"
//!       4    1  0 as it is, 1 zstd
//!       5    3  0
//!       8    4  bytes of state in it
//!      12    4  bytes that follow here
//!      16    4  checksum (CRC-32C) of 0..16 and of what follows
//!      20       the bytes
//! ```

use std::io;

/// Most bytes of state in a block.
pub const BLOCK_BYTES_MAX: usize = 256 << 10;

pub(super) const BLOCK_HEADER_BYTES: usize = 20;
pub(super) const FILE_HEADER_BYTES: usize = 16;
pub(super) const FILE_HEADER: [u8; FILE_HEADER_BYTES] = *b"BRISKSTA\x01\0\0\0\0\0\0\0";

const MAGIC: &[u8; 4] = b"BLCK";

/// What zstd may add to bytes that can't be made smaller; such a block is stored as it is.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// Whether blocks are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    /// As they are.
    None,
    /// By zstd, where that makes them smaller.
    Zstd,
}

/// The head of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockHeader {
    compression: Compression,
    pub(super) raw_len: usize,
    pub(super) stored_len: usize,
    checksum: u32,
    sealed: u32,
}

pub(super) fn encode_block(raw: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    assert!(!raw.is_empty() && raw.len() <= BLOCK_BYTES_MAX, "a block of {} bytes", raw.len());
    let smaller = match compression {
        Compression::None => None,
        Compression::Zstd => {
            Some(zstd::bulk::compress(raw, ZSTD_LEVEL)?).filter(|small| small.len() < raw.len())
        }
    };
    let (codec, stored) = match &smaller {
        Some(small) => (1, small.as_slice()),
        None => (0, raw),
    };
    let length = |len: usize| u32::try_from(len).expect("a block is small").to_le_bytes();
    let mut block = Vec::with_capacity(BLOCK_HEADER_BYTES + stored.len());
    block.extend_from_slice(MAGIC);
    block.extend_from_slice(&[codec, 0, 0, 0]);
    block.extend_from_slice(&length(raw.len()));
    block.extend_from_slice(&length(stored.len()));
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&block), stored);
    block.extend_from_slice(&checksum.to_le_bytes());
    block.extend_from_slice(stored);
    Ok(block)
}

/// The header of a block, or what is wrong with it.
pub(super) fn decode_header(bytes: &[u8]) -> Result<BlockHeader, String> {
    let Ok(header) = <&[u8; BLOCK_HEADER_BYTES]>::try_from(bytes) else {
        return Err(format!("a block's header is cut after {} bytes", bytes.len()));
    };
    if &header[..4] != MAGIC || header[5..8] != [0; 3] {
        return Err("there is no block here".to_owned());
    }
    let compression = match header[4] {
        0 => Compression::None,
        1 => Compression::Zstd,
        other => return Err(format!("{other} stands for no compression")),
    };
    let word = |at: usize| {
        u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes of the header"))
    };
    let (raw_len, stored_len) = (word(8) as usize, word(12) as usize);
    // Compressed blocks are smaller than what they hold.
    let fits = raw_len > 0 && raw_len <= BLOCK_BYTES_MAX && stored_len <= raw_len;
    if !fits || (compression == Compression::None && stored_len != raw_len) {
        return Err(format!("a block of {raw_len} bytes stored as {stored_len}"));
    }
    let sealed = crc32c::crc32c(&header[..16]);
    Ok(BlockHeader { compression, raw_len, stored_len, checksum: word(16), sealed })
}

impl BlockHeader {
    /// Whether the bytes of its state are as many as it says only if its checksum is right.
    pub(super) fn is_compressed(&self) -> bool {
        self.compression != Compression::None
    }
}

/// Checks what is stored in a block; what is wrong with it, if anything is.
pub(super) fn check_block(header: &BlockHeader, stored: &[u8]) -> Result<(), String> {
    if stored.len() != header.stored_len {
        return Err(format!("a block is cut after {} bytes", stored.len()));
    }
    if crc32c::crc32c_append(header.sealed, stored) != header.checksum {
        return Err("a block doesn't have its checksum".to_owned());
    }
    Ok(())
}

/// The state in a block, or what is wrong with it.
pub(super) fn decode_block(header: BlockHeader, stored: Vec<u8>) -> Result<Vec<u8>, String> {
    check_block(&header, &stored)?;
    let raw = match header.compression {
        Compression::None => stored,
        Compression::Zstd => zstd::bulk::decompress(&stored, header.raw_len)
            .map_err(|error| format!("a block can't be decompressed: {error}"))?,
    };
    if raw.len() == header.raw_len {
        Ok(raw)
    } else {
        Err(format!("a block has {} bytes instead of {}", raw.len(), header.raw_len))
    }
}

/// Puts arbitrary bytes through the decoder of blocks. Must return.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let split = BLOCK_HEADER_BYTES.min(bytes.len());
    if let Ok(header) = decode_header(&bytes[..split]) {
        let stored = &bytes[split..];
        if let Ok(raw) =
            decode_block(header, stored[..header.stored_len.min(stored.len())].to_vec())
        {
            assert_eq!(raw.len(), header.raw_len, "as long as it says");
        }
        // Behind the checksum.
        let forged =
            BlockHeader { checksum: crc32c::crc32c_append(header.sealed, stored), ..header };
        let _ = decode_block(BlockHeader { stored_len: stored.len(), ..forged }, stored.to_vec());
    }
}
