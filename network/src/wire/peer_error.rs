//! The last word on a channel or a connection, when it is a bad one.

use std::fmt;

use super::{
    WireError, WireKind,
    constants::{CONTROL_BODY_MAX, ERROR_HEAD_BYTES, ERROR_TEXT_MAX},
};

/// What kind of end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The producer or the consumer failed.
    TaskFailed = 1,
    /// The partition that was asked for is not known here (yet).
    UnknownPartition = 2,
    /// There are as many channels as may be.
    TooManyChannels = 3,
    /// The other side broke the protocol.
    Protocol = 4,
    /// The process ends.
    ShuttingDown = 5,
}

impl ErrorCode {
    const ALL: [Self; 5] = [
        Self::TaskFailed,
        Self::UnknownPartition,
        Self::TooManyChannels,
        Self::Protocol,
        Self::ShuttingDown,
    ];
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaskFailed => "its task failed",
            Self::UnknownPartition => "it doesn't have this partition",
            Self::TooManyChannels => "it has as many channels as it may have",
            Self::Protocol => "it says that we broke the protocol",
            Self::ShuttingDown => "it is shutting down",
        })
    }
}

/// What a peer says when it gives up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerError {
    code: ErrorCode,
    text: Box<str>,
}

impl PeerError {
    /// An error with a text of at most [`ERROR_TEXT_MAX`] bytes; more is cut off.
    pub fn new(code: ErrorCode, text: &str) -> Self {
        Self { code, text: text[..text.floor_char_boundary(ERROR_TEXT_MAX)].into() }
    }

    /// What kind of end it is.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The body of its frame, in the first bytes of `room`; how many.
    pub fn write(&self, room: &mut [u8; CONTROL_BODY_MAX]) -> usize {
        let length = ERROR_HEAD_BYTES + self.text.len();
        room[..ERROR_HEAD_BYTES].fill(0);
        room[0] = self.code as u8;
        room[ERROR_HEAD_BYTES..length].copy_from_slice(self.text.as_bytes());
        length
    }

    /// The error in the body of a frame.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let refuse = |field| WireError::Field { kind: WireKind::Error, field };
        let (head, text) =
            bytes.split_first_chunk::<ERROR_HEAD_BYTES>().ok_or_else(|| refuse("head"))?;
        let code = ErrorCode::ALL.into_iter().find(|code| *code as u8 == head[0]);
        let code = code.ok_or_else(|| refuse("code"))?;
        if head[1..] != [0; ERROR_HEAD_BYTES - 1] {
            return Err(refuse("unused part"));
        }
        let text = std::str::from_utf8(text).map_err(|_| refuse("text"))?;
        Ok(Self { code, text: text.into() })
    }
}

/// The text is a peer's: what could move a cursor or end a line is shown as an escape.
impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text.escape_debug())?;
        }
        Ok(())
    }
}
