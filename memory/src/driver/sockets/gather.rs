//! [`Gather`]: what one send operation sends.

use std::ops::Range;

use crate::Buffer;

/// Bytes to be sent as one: plain bytes of its own (headers) and counted slices of segments, in the
/// order in which they were pushed. The driver copies neither.
///
/// ```text
///   plain:   [header a][header b]
///   pieces:   0..40    buffer a    40..80    buffer b
/// ```
///
/// Comes back in the completion; `clear` keeps the room, so a connection that uses one over and over
/// allocates nothing.
#[derive(Debug, Default)]
pub struct Gather {
    plain: Vec<u8>,
    pieces: Vec<Piece>,
    len: usize,
}

#[derive(Debug)]
enum Piece {
    Plain(Range<usize>),
    Buffer(Buffer),
}

impl Gather {
    /// The most pieces of one send.
    pub const PIECES_MAX: usize = 256;

    /// Nothing yet.
    pub fn new() -> Gather {
        Gather::default()
    }

    /// Appends a copy of `bytes`.
    ///
    /// # Panics
    /// When there are [`Gather::PIECES_MAX`] pieces and the last is a buffer.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.write_bytes(|plain| plain.extend_from_slice(bytes));
    }

    /// Appends what `write` appends to the vector it is given.
    ///
    /// # Panics
    /// As [`Gather::push_bytes`], and when `write` took bytes away.
    pub fn write_bytes<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let start = self.plain.len();
        let given = write(&mut self.plain);
        let end = self.plain.len();
        assert!(end >= start, "a writer of {start} bytes left {end}");
        if end == start {
            return given;
        }
        self.len += end - start;
        match self.pieces.last_mut() {
            Some(Piece::Plain(range)) => range.end = end,
            _ => self.push(Piece::Plain(start..end)),
        }
        given
    }

    /// Appends a buffer, which is held until the completion is taken apart. An empty one is dropped.
    ///
    /// # Panics
    /// When there are [`Gather::PIECES_MAX`] pieces.
    pub fn push_buffer(&mut self, buffer: Buffer) {
        if !buffer.is_empty() {
            self.len += buffer.len();
            self.push(Piece::Buffer(buffer));
        }
    }

    fn push(&mut self, piece: Piece) {
        assert!(
            self.pieces.len() < Self::PIECES_MAX,
            "a send of more than {} pieces",
            Self::PIECES_MAX
        );
        self.pieces.push(piece);
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Pieces so far; neighbouring plain bytes are one.
    pub fn piece_count(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is no room for a header and a buffer.
    pub fn is_full(&self) -> bool {
        self.pieces.len() + 2 > Self::PIECES_MAX
    }

    /// Lets go of everything and keeps the room.
    pub fn clear(&mut self) {
        self.plain.clear();
        self.pieces.clear();
        self.len = 0;
    }

    /// The pieces in order, none of them empty.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| match piece {
            Piece::Plain(range) => &self.plain[range.clone()],
            Piece::Buffer(buffer) => buffer,
        })
    }

    /// What follows the first `sent` bytes.
    pub(crate) fn rest(&self, sent: usize) -> impl Iterator<Item = &[u8]> {
        let mut sent = sent;
        self.pieces().filter_map(move |piece| {
            let skipped = sent.min(piece.len());
            sent -= skipped;
            (skipped < piece.len()).then(|| &piece[skipped..])
        })
    }
}
