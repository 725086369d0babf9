//! The entries in segments, whose bytes anybody may have written.

use std::path::Path;

use super::{super::damaged, Contents, contents::StoredPart, replayed::Replayed};
use crate::{
    Key, Record,
    checkpoint::{
        handle::{KeyedStateHandle, StateHandle},
        metadata::METADATA_FILE,
        restore::KeyedShare,
        savepoint::CanonicalError,
        storage::{
            Disk, FileSystemStorage, StateReader, StorageError, StoredSegment,
            segments::SegmentReader,
        },
    },
    error::TaskError,
    graph::MaxParallelism,
    state::{
        HashRange,
        table::{PartKind, SegmentEntries},
    },
    task::snapshot::RestoredState,
};

/// The table of contents of a handle; `None` if it has no segments.
fn contents_of(
    restored: &RestoredState,
    handle: &KeyedStateHandle,
) -> Result<Option<Contents>, TaskError> {
    if !handle.has_segments() {
        return Ok(None);
    }
    let end = handle.offsets.first().map_or(handle.state.len(), |first| first.offset);
    let mut bytes = Vec::new();
    restored.read(&handle.state, 0..end, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    let contents = Contents::decode(&bytes);
    contents.map(Some).map_err(|cause| TaskError::DamagedKeyedState { cause })
}

/// Reads all segments of a handle and checks their checksums.
///
/// # Errors
/// When they can't be read, or one is not what was written.
pub(crate) fn verify_segments(
    disk: &mut Disk,
    folder: &Path,
    handle: &KeyedStateHandle,
) -> Result<(), StorageError> {
    if !handle.has_segments() {
        return Ok(());
    }
    let end = handle.offsets.first().map_or(handle.state.len(), |first| first.offset);
    let (path, bytes) = match &handle.state {
        StateHandle::Inline(bytes) => (folder.join(METADATA_FILE), bytes[..end as usize].to_vec()),
        StateHandle::File(slice) => {
            let path = FileSystemStorage::resolve(folder, &slice.path);
            let reader = StateReader::open(disk, &path, slice)?;
            (path, reader.read_range(disk, 0..end)?)
        }
    };
    let damaged = |cause: CanonicalError| StorageError::damaged(&path, cause.offset, cause.what);
    let contents = Contents::decode(&bytes).map_err(damaged)?;
    let mut parts = contents.parts;
    parts.sort_by_key(|part| (part.file, part.at.offset));
    for of_file in parts.chunk_by(|one, other| one.file == other.file) {
        let shared = handle.shared.get(of_file[0].file as usize).map(|shared| &shared.state);
        let Some(StateHandle::File(slice)) = shared else {
            let what = "a segment is in a file that the checkpoint has no name of";
            return Err(StorageError::damaged(&path, 0, what));
        };
        let file = FileSystemStorage::resolve(folder, &slice.path);
        let mut reader = SegmentReader::open(disk, &file)?;
        for part in of_file {
            reader.read(disk, (part.at, contents.segment_bytes))?;
        }
    }
    Ok(())
}

/// The files of a handle, by place, opened when they are first asked for.
struct Files<'a> {
    restored: &'a RestoredState,
    handle: &'a KeyedStateHandle,
    readers: Vec<Option<SegmentReader>>,
    segment_bytes: usize,
}

impl Files<'_> {
    fn read(&mut self, file: u32, at: StoredSegment) -> Result<Vec<u8>, TaskError> {
        let shared = self.handle.shared.get(file as usize).map(|shared| &shared.state);
        let Some(StateHandle::File(slice)) = shared else {
            let what = format!("a segment is in file {file}, of which the checkpoint has no name");
            return Err(damaged(what));
        };
        let reader = &mut self.readers[file as usize];
        let read = self.restored.read_segment(reader, slice, (at, self.segment_bytes));
        read.map_err(TaskError::from)
    }
}

/// Shows `each` key and value, as archived, in a share's segments, those of all its key groups and
/// some of others; false if it has no segments.
///
/// # Errors
/// If the bytes can't be read or are not what was written, or `each` says so.
pub(crate) fn read_segments<K: Key, V: Record>(
    restored: &RestoredState,
    share: &KeyedShare,
    groups: MaxParallelism,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), TaskError>,
) -> Result<bool, TaskError> {
    let handle = &share.handle;
    let Some(contents) = contents_of(restored, handle)? else { return Ok(false) };
    if contents.files != handle.shared.len() {
        let (files, shared) = (contents.files, handle.shared.len());
        return Err(damaged(format!("its contents are in {files} files, not in {shared}")));
    }
    let mut readers = Vec::new();
    readers.resize_with(contents.files, || None);
    let segment_bytes = contents.segment_bytes;
    let survivors = restored.survivors();
    survivors.find(&contents, &handle.shared);
    let mut files = Files { restored, handle, readers, segment_bytes };
    let mut read = |part: &StoredPart| files.read(part.file, part.at);
    let mut entries = SegmentEntries::<K, V>::new(segment_bytes);
    let mut replayed = Replayed::new(&contents);
    // Those that lie behind one another are read at once, and parts of long entries are needed
    // before what names them.
    let mut parts: Vec<_> = contents.parts.iter().collect();
    let order = |kind: PartKind| match kind {
        PartKind::Bucket { .. } => 0,
        PartKind::PartOfLong => 1,
        PartKind::Entries { .. } | PartKind::Changes { .. } => 2,
    };
    parts.sort_by_key(|part| (order(part.kind), part.file, part.at.offset));
    let wanted = HashRange::of_key_groups(share.groups, groups);
    for part in parts {
        if !is_wanted(part, &wanted, &entries) {
            continue;
        }
        if let Some(bytes) = survivors.take(part) {
            take(&mut entries, (part, bytes), &mut each)?;
            continue;
        }
        let bytes = read(part)?;
        if entries.has_values(part.kind) && replayed.concerns(part) {
            if replayed.wait(*part, bytes)? {
                for (part, bytes) in replayed.go_over(&mut read)? {
                    take(&mut entries, (&part, bytes), &mut each)?;
                }
            }
            continue;
        }
        take(&mut entries, (part, bytes), &mut each)?;
    }
    for (part, bytes) in replayed.go_over(&mut read)? {
        take(&mut entries, (&part, bytes), &mut each)?;
    }
    entries.finish()?;
    let (taken, all) = (survivors.finish(), contents.parts.len());
    if taken > 0 {
        tracing::info!("{}: {taken} of {all} segments were still in memory", restored.label());
    }
    Ok(true)
}

/// Whether a segment may have entries whose hashes are in a range; those of buckets are known first.
fn is_wanted<K: Key, V: Record>(
    part: &StoredPart,
    wanted: &HashRange,
    entries: &SegmentEntries<K, V>,
) -> bool {
    match part.kind {
        PartKind::Bucket { first_hash, open_bits } => {
            // Relative to the first wanted hash, since a bucket may reach over the last of all.
            let first = u64::from(first_hash.wrapping_sub(wanted.first()));
            first < wanted.span() || first + (1 << open_bits) > 1 << 32
        }
        PartKind::PartOfLong => true,
        PartKind::Entries { .. } => entries.lives_in(part.number),
        PartKind::Changes { .. } => false,
    }
}

/// Takes a segment as it is.
fn take<K: Key, V: Record>(
    entries: &mut SegmentEntries<K, V>,
    (part, bytes): (&StoredPart, Vec<u8>),
    each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    match part.kind {
        PartKind::Bucket { .. } => entries.bucket(&bytes, each),
        PartKind::Entries { used } => entries.entries((part.number, used as usize), &bytes, each),
        PartKind::PartOfLong => {
            entries.part_of_long(part.number, bytes);
            Ok(())
        }
        PartKind::Changes { .. } => Ok(()),
    }
}
