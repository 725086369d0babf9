//! The forty bytes before a body.

use std::fmt;

use super::{
    ChannelId, SeqNo, WireError,
    constants::{
        ERROR_HEAD_BYTES, ERROR_TEXT_MAX, EVENT_BYTES, HEADER_BYTES, MAGIC, PLAIN_LENGTH_BYTES,
        REQUEST_BYTES, RESUME_BYTES, VERSION,
    },
};

// Where each field begins; the README has the table.
const AT_VERSION: usize = 4;
const AT_KIND: usize = 5;
const AT_FLAGS: usize = 6;
const AT_CHANNEL: usize = 8;
const AT_LENGTH: usize = 12;
const AT_SEQUENCE: usize = 16;
const AT_BACKLOG: usize = 24;
const AT_CREDIT: usize = 28;
const AT_BODY_CHECKSUM: usize = 32;
const AT_HEADER_CHECKSUM: usize = 36;

const _: () = assert!(AT_VERSION == MAGIC.len());
const _: () = assert!(AT_HEADER_CHECKSUM + 4 == HEADER_BYTES);

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WireKind {
    /// From the producer: the bytes of one segment.
    Data = 1,
    /// From the producer: what is not data, in order with it or overtaking it.
    Event = 2,
    /// From the consumer: segments that it has set aside for the channel.
    AddCredit = 3,
    /// From the producer: how many buffers wait for credit.
    Backlog = 4,
    /// From the consumer: opens the channel.
    Request = 5,
    /// From the consumer: go on behind the barrier.
    Resume = 6,
    /// From the consumer: send no more.
    Cancel = 7,
    /// From the producer, its last word on a channel that was canceled.
    Released = 8,
    /// The last word of either side on a channel or on all of the connection.
    Error = 9,
    /// The last frame of this direction.
    Close = 10,
}

impl WireKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Data,
        Self::Event,
        Self::AddCredit,
        Self::Backlog,
        Self::Request,
        Self::Resume,
        Self::Cancel,
        Self::Released,
        Self::Error,
        Self::Close,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The flags that it may carry.
    fn flags_allowed(self) -> u16 {
        match self {
            Self::Data => WireFlags::LZ4.0 | WireFlags::ZSTD.0,
            Self::Event => WireFlags::PRIORITY.0,
            Self::Error => WireFlags::FROM_PRODUCER.0 | WireFlags::WHOLE_CONNECTION.0,
            _ => 0,
        }
    }

    /// The lengths that its body may have; `payload_max` is that of data.
    fn lengths(self, payload_max: usize) -> (usize, usize) {
        match self {
            Self::Data => (1, payload_max),
            Self::Event => (EVENT_BYTES, EVENT_BYTES),
            Self::Request => (REQUEST_BYTES, REQUEST_BYTES),
            Self::Resume => (RESUME_BYTES, RESUME_BYTES),
            Self::Error => (ERROR_HEAD_BYTES, ERROR_HEAD_BYTES + ERROR_TEXT_MAX),
            _ => (0, 0),
        }
    }

    fn has_backlog(self) -> bool {
        matches!(self, Self::Data | Self::Event | Self::Backlog)
    }

    fn has_credit(self) -> bool {
        matches!(self, Self::AddCredit | Self::Request)
    }
}

/// Flags of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WireFlags(u16);

impl WireFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The event goes before all data that waits at the receiver.
    pub const PRIORITY: Self = Self(1);
    /// The payload is an LZ4 block.
    pub const LZ4: Self = Self(1 << 1);
    /// The payload is a Zstandard frame.
    pub const ZSTD: Self = Self(1 << 2);
    /// The error is the producer's; else the consumer's.
    pub const FROM_PRODUCER: Self = Self(1 << 3);
    /// The error ends the connection, not one channel.
    pub const WHOLE_CONNECTION: Self = Self(1 << 4);

    /// Whether all flags of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for WireFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WireHeader {
    /// What it says.
    pub kind: WireKind,
    /// Flags.
    pub flags: WireFlags,
    /// Which channel; zero where it names none.
    pub channel: ChannelId,
    /// Bytes of the body.
    pub length: u32,
    /// Its place among the frames of its channel and direction.
    pub sequence: SeqNo,
    /// Buffers that wait at the producer behind this frame.
    pub backlog: u32,
    /// Segments that the consumer adds.
    pub credit: u32,
    /// CRC-32C of the body as it is sent.
    pub body_checksum: u32,
}

impl WireHeader {
    /// A header of `kind` for `body` on `channel`, without flags, backlog and credit.
    ///
    /// # Panics
    /// If the body has 4 GiB.
    pub fn new(kind: WireKind, channel: ChannelId, sequence: SeqNo, body: &[u8]) -> Self {
        Self {
            kind,
            flags: WireFlags::NONE,
            channel,
            length: u32::try_from(body.len()).expect("a body fits into a segment"),
            sequence,
            backlog: 0,
            credit: 0,
            body_checksum: crc32c::crc32c(body),
        }
    }

    /// The header as it is sent.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..AT_VERSION].copy_from_slice(&MAGIC);
        bytes[AT_VERSION] = VERSION;
        bytes[AT_KIND] = self.kind as u8;
        put(&mut bytes, AT_FLAGS, &self.flags.0.to_le_bytes());
        put(&mut bytes, AT_CHANNEL, &self.channel.0.to_le_bytes());
        put(&mut bytes, AT_LENGTH, &self.length.to_le_bytes());
        put(&mut bytes, AT_SEQUENCE, &self.sequence.0.to_le_bytes());
        put(&mut bytes, AT_BACKLOG, &self.backlog.to_le_bytes());
        put(&mut bytes, AT_CREDIT, &self.credit.to_le_bytes());
        put(&mut bytes, AT_BODY_CHECKSUM, &self.body_checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..AT_HEADER_CHECKSUM]);
        put(&mut bytes, AT_HEADER_CHECKSUM, &checksum.to_le_bytes());
        bytes
    }

    /// The header as it was received; a payload may have `payload_max` bytes.
    ///
    /// # Errors
    /// When it is none, or says what no sender says.
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES], payload_max: usize) -> Result<Self, WireError> {
        if bytes[..AT_VERSION] != MAGIC {
            let found = *bytes.first_chunk().expect("a header is longer");
            return Err(WireError::Magic { found });
        }
        if bytes[AT_VERSION] != VERSION {
            return Err(WireError::Version { found: bytes[AT_VERSION] });
        }
        if crc32c::crc32c(&bytes[..AT_HEADER_CHECKSUM]) != word(bytes, AT_HEADER_CHECKSUM) {
            return Err(WireError::HeaderChecksum);
        }
        let kind = bytes[AT_KIND];
        let kind = WireKind::from_byte(kind).ok_or(WireError::Kind { found: kind })?;
        let header = Self {
            kind,
            flags: WireFlags(u16::from_le_bytes([bytes[AT_FLAGS], bytes[AT_FLAGS + 1]])),
            channel: ChannelId(word(bytes, AT_CHANNEL)),
            length: word(bytes, AT_LENGTH),
            sequence: SeqNo(
                u64::from(word(bytes, AT_SEQUENCE))
                    | (u64::from(word(bytes, AT_SEQUENCE + 4)) << 32),
            ),
            backlog: word(bytes, AT_BACKLOG),
            credit: word(bytes, AT_CREDIT),
            body_checksum: word(bytes, AT_BODY_CHECKSUM),
        };
        header.check(payload_max)?;
        Ok(header)
    }

    fn check(&self, payload_max: usize) -> Result<(), WireError> {
        let Self { kind, flags, length, .. } = *self;
        let both = WireFlags::LZ4.with(WireFlags::ZSTD);
        if flags.0 & !kind.flags_allowed() != 0 || flags.has(both) {
            return Err(WireError::Flags { kind, flags });
        }
        let (mut least, most) = kind.lengths(payload_max);
        if self.codec_flags() != WireFlags::NONE {
            least += PLAIN_LENGTH_BYTES;
        }
        if !(least..=most).contains(&(length as usize)) {
            return Err(WireError::Length { kind, length, least, most });
        }
        let field = if self.backlog != 0 && !kind.has_backlog() {
            Some("backlog")
        } else if self.credit != 0 && !kind.has_credit() {
            Some("credit")
        } else {
            None
        };
        if let Some(field) = field {
            return Err(WireError::Field { kind, field });
        }
        if kind == WireKind::Close || flags.has(WireFlags::WHOLE_CONNECTION) {
            let of_channel = self.channel.0 != 0 || self.sequence != SeqNo::FIRST;
            if of_channel {
                return Err(WireError::Field { kind, field: "channel" });
            }
        }
        Ok(())
    }

    /// How the payload is compressed, as flags.
    pub(super) fn codec_flags(&self) -> WireFlags {
        WireFlags(self.flags.0 & (WireFlags::LZ4.0 | WireFlags::ZSTD.0))
    }
}

fn put(bytes: &mut [u8; HEADER_BYTES], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

fn word(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("a field lies inside the header"))
}
