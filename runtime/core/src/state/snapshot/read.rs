//! Reading the shares of keyed state that a subtask starts from.

use super::GroupDecoder;
use crate::{
    checkpoint::{
        handle::BackendKind,
        restore::KeyedShare,
        savepoint::{CanonicalDecoder, CanonicalError, Decoded, Entry},
    },
    error::TaskError,
    graph::{KeyGroup, KeyGroupRange},
    state::StateError,
    task::snapshot::RestoredState,
};

enum Decoder {
    Unsorted(GroupDecoder),
    Canonical(CanonicalDecoder),
}

impl Decoder {
    fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Unsorted(decoder) => decoder.feed(bytes),
            Self::Canonical(decoder) => decoder.feed(bytes),
        }
    }

    fn decode_next(&mut self) -> Result<Decoded<'_>, CanonicalError> {
        match self {
            Self::Unsorted(decoder) => decoder.decode_next(),
            Self::Canonical(decoder) => decoder.decode_next(),
        }
    }

    fn finish(&self) -> Result<(), CanonicalError> {
        match self {
            Self::Unsorted(decoder) => decoder.finish(),
            Self::Canonical(decoder) => decoder.finish(),
        }
    }
}

/// Shows `each` entry of the key groups of a share, whichever of the two formats it has; of one that has
/// segments, those that are in none.
///
/// # Errors
/// If the bytes can't be read, are not what was written or are of another backend, or `each` says so.
pub(crate) fn read_share(
    restored: &RestoredState,
    share: &KeyedShare,
    mut each: impl FnMut(KeyGroup, &Entry<'_>) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    let handle = &share.handle;
    let states = u32::try_from(handle.schemas.len()).expect("states of an operator are few");
    let (range, len): (KeyGroupRange, u64) = match &share.bytes {
        Some(bytes) => (share.groups, bytes.end - bytes.start),
        // All is in segments.
        None if handle.has_segments() => return Ok(()),
        None => (handle.range, handle.state.len()),
    };
    let mut decoder = match handle.backend {
        BackendKind::Canonical => Decoder::Canonical(CanonicalDecoder::new(range, states, len)),
        BackendKind::HashMap => Decoder::Unsorted(GroupDecoder::new(range, states, len)),
        BackendKind::RocksDb => {
            let operator = restored.label().to_owned();
            return Err(StateError::OtherBackend { operator }.into());
        }
    };
    let damaged = |cause| TaskError::DamagedKeyedState { cause };
    let mut group = None;
    let mut step = |decoder: &mut Decoder| loop {
        match decoder.decode_next().map_err(damaged)? {
            Decoded::NeedMore => return Ok(()),
            Decoded::Group(begun) => group = Some(begun),
            Decoded::EndOfGroup => {}
            Decoded::Entry(entry) => {
                let group = group.expect("an entry is in a group");
                if share.groups.contains(group) {
                    each(group, &entry)?;
                }
            }
        }
    };
    let mut result: Result<(), TaskError> = Ok(());
    restored.read_keyed(share, |piece| {
        // The rest is read to its end, and so checked, but not looked at.
        if result.is_ok() {
            decoder.feed(piece);
            result = step(&mut decoder);
        }
        Ok(())
    })?;
    result?;
    decoder.finish().map_err(damaged)
}
