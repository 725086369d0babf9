//! Reading what was in flight when the checkpoint was taken that the job starts from.
//!
//! Those bytes come from a disk: buffers are checked when the task is built ([`FrameCheck`]), records
//! here, each before it is looked at.
//!
//! [`FrameCheck`]: brisk_network::frame::FrameCheck

use brisk_network::frame::{self, FrameClass, FrameKind, TIMESTAMP_BYTES};
use rkyv::rancor::{self, Source as _};

use super::{Payload, ReadRecords, Rest};
use crate::{
    Record,
    error::TaskError,
    record::{InvalidRecord, checked_view},
    task::Cx,
    task::flow::{Drive, Flow, Signal},
    task::inputs::{InputState, Recovered},
};

impl Payload<'_> {
    /// Whether it is the archive of a `T`, with its time if it says that it has one.
    pub(super) fn check<T: Record>(self) -> Result<(), InvalidRecord> {
        let bytes = match self.class {
            FrameClass::Plain => self.bytes,
            FrameClass::Timed => {
                let length = self.bytes.len().saturating_sub(TIMESTAMP_BYTES);
                &self.bytes[..length]
            }
            FrameClass::Control if Signal::from_bytes(self.bytes).is_some() => return Ok(()),
            FrameClass::Control => {
                let (length, expected) = (self.bytes.len(), "signal");
                let cause = rancor::Error::new(std::fmt::Error);
                return Err(InvalidRecord { length, expected, cause });
            }
        };
        checked_view::<T>(bytes).map(|_| ())
    }
}

/// Fails the task for a record that is none.
#[cold]
pub(super) fn damaged(cause: InvalidRecord, cx: &mut Cx) -> Flow {
    let state = "records in flight".to_string();
    cx.fail(cx.plan().head(), TaskError::DamagedState { state, cause })
}

/// Reads recovered buffers, one frame at a time, until there is none; how the drive ends, if it does
/// before.
#[cold]
#[inline(never)]
pub(super) fn read<T: Record, R: ReadRecords<T>>(
    state: &mut InputState,
    reader: &mut R,
    left: &mut usize,
    cx: &mut Cx,
) -> Option<Drive> {
    while let Some(mut recovered) = state.recovered.pop_front() {
        let flow = read_frame::<T, R>(state, &mut recovered, reader, cx);
        if recovered.position < recovered.bytes.len() {
            state.recovered.push_front(recovered);
        }
        *left -= 1;
        if let Some(interrupted) = flow.interrupts() {
            return Some(interrupted);
        }
        if *left == 0 || cx.has_news() || cx.interrupted() {
            return Some(Drive::More);
        }
    }
    None
}

fn read_frame<T: Record, R: ReadRecords<T>>(
    state: &mut InputState,
    recovered: &mut Recovered,
    reader: &mut R,
    cx: &mut Cx,
) -> Flow {
    let channel = recovered.channel;
    let Some(frame) = frame::frame_at(&recovered.bytes, recovered.position) else {
        recovered.position = recovered.bytes.len();
        return Flow::Continue;
    };
    recovered.position = frame.next;
    let is_known = channel.position() < state.valve.channels().count();
    // Of a channel that there is no more, the time is known from the checkpoint.
    if frame.header.class() == FrameClass::Control && !is_known {
        return Flow::Continue;
    }
    if frame.header.kind() == FrameKind::Whole {
        let (class, hash) = (frame.header.class(), frame.header.key_hash);
        let payload = Payload { class, hash, bytes: frame.payload };
        if let Err(cause) = payload.check::<T>() {
            return damaged(cause, cx);
        }
    }
    let owned = recovered.owned;
    let rest = Rest { pieces: &mut state.pieces, valve: &mut state.valve, owned };
    let flow = rest.read(channel, frame, reader, cx);
    if let Some(pieces) = state.pieces.get_mut(&channel) {
        pieces.recovered = true;
    }
    flow
}
