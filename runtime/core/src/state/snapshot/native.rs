//! State in another backend's own format, with the timers that are kept beside it.

use std::collections::VecDeque;

use super::{
    GroupDecoder, GroupEncoder, damaged,
    stream::{Encoder, OwnedEntry, PIECE_BYTES, Writer},
};
use crate::{
    BoxError,
    checkpoint::{
        handle::{KeyGroupOffset, NamedState},
        restore::KeyedShare,
        savepoint::{Decoded, Entry},
        storage::FileTarget,
    },
    error::TaskError,
    graph::KeyGroup,
    state::backend::NativeSnapshot,
    task::snapshot::{KeyedStream, RestoredState},
};

/// Bytes of the length at the begin.
const LENGTH: usize = 8;

/// Writes what a backend keeps to itself, and timers.
pub(crate) struct NativeStream {
    snapshot: Option<Box<dyn NativeSnapshot>>,
    shared: Vec<NamedState>,
    shared_bytes: u64,
    writer: Writer,
    timers: VecDeque<(KeyGroup, OwnedEntry)>,
}

impl NativeStream {
    /// Timers come sorted.
    pub(crate) fn new(
        snapshot: Box<dyn NativeSnapshot>,
        timers: Vec<(KeyGroup, OwnedEntry)>,
    ) -> Self {
        Self {
            snapshot: Some(snapshot),
            shared: Vec::new(),
            shared_bytes: 0,
            writer: Writer::new(Encoder::Unsorted(GroupEncoder::new())),
            timers: timers.into(),
        }
    }
}

impl KeyedStream for NativeStream {
    fn begin(&mut self, target: &FileTarget) {
        self.snapshot.as_mut().expect("nothing was taken yet").begin(target);
    }

    fn is_ready(&self) -> bool {
        self.snapshot.as_ref().is_none_or(|snapshot| snapshot.is_ready())
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        let begin = out.len();
        if let Some(mut snapshot) = self.snapshot.take() {
            let parts = snapshot.take()?;
            (self.shared, self.shared_bytes) = (parts.shared, parts.written);
            out.extend_from_slice(&(parts.own.len() as u64).to_le_bytes());
            out.extend_from_slice(&parts.own);
        }
        while out.len() - begin < PIECE_BYTES
            && let Some((group, timer)) = self.timers.pop_front()
        {
            self.writer.write(group, &timer.borrowed(), out);
        }
        if self.timers.is_empty() {
            self.writer.close(out);
        }
        Ok(out.len() > begin)
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        // The whole is read, whichever groups are wanted.
        Vec::new()
    }

    fn shared(&mut self) -> Vec<NamedState> {
        std::mem::take(&mut self.shared)
    }

    fn shared_bytes(&self) -> u64 {
        self.shared_bytes
    }
}

/// What a [`NativeStream`] wrote, read back.
pub(crate) struct NativeState {
    bytes: Vec<u8>,
    own: usize,
}

impl NativeState {
    /// Reads the state of a share.
    ///
    /// # Errors
    /// If it can't be read or is not what was written.
    pub(crate) fn read(restored: &RestoredState, share: &KeyedShare) -> Result<Self, TaskError> {
        let mut bytes = Vec::new();
        restored.read(&share.handle.state, 0..share.handle.state.len(), |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let length = bytes.first_chunk().map(|length: &[u8; LENGTH]| u64::from_le_bytes(*length));
        let own = length.filter(|own| *own <= (bytes.len().saturating_sub(LENGTH)) as u64);
        let cut = || damaged("the part of another backend is cut".to_owned());
        Ok(Self { own: own.ok_or_else(cut)? as usize, bytes })
    }

    /// What the backend keeps to itself.
    pub(crate) fn own(&self) -> &[u8] {
        &self.bytes[LENGTH..LENGTH + self.own]
    }

    /// Shows each entry beside it of the groups that are wanted.
    ///
    /// # Errors
    /// If they are not what was written, or `each` says so.
    pub(crate) fn timers(
        &self,
        share: &KeyedShare,
        mut each: impl FnMut(KeyGroup, &Entry<'_>) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let bytes = &self.bytes[LENGTH + self.own..];
        let states = u32::try_from(share.handle.schemas.len()).expect("states are few");
        let mut decoder = GroupDecoder::new(share.handle.range, states, bytes.len() as u64);
        decoder.feed(bytes);
        let damaged = |cause| TaskError::DamagedKeyedState { cause };
        let mut group = None;
        loop {
            match decoder.decode_next().map_err(damaged)? {
                Decoded::NeedMore => break,
                Decoded::Group(begun) => group = Some(begun),
                Decoded::EndOfGroup => {}
                Decoded::Entry(entry) => {
                    let group = group.expect("an entry is in a group");
                    if share.groups.contains(group) {
                        each(group, &entry)?;
                    }
                }
            }
        }
        decoder.finish().map_err(damaged)
    }
}
