//! The segments of a frozen table on their way to a file, and then its contents.

use brisk_memory::driver::IoBuffer;
use std::collections::VecDeque;

use super::{
    History,
    contents::{ContentsEncoder, StoredPart},
    history::{Lists, Remembered, SegmentFile},
    plan::{Cut, Kept, Plan, StoredChanges},
};
use crate::{
    BoxError, Key, Record,
    checkpoint::{
        CheckpointId,
        handle::{FileSlice, KeyGroupOffset, NamedState, StateHandle},
        storage::segments::Placed,
    },
    state::table::{Image, KeyTable, PartKind, TablePart},
    task::snapshot::{KeyedStream, SegmentCheckpoint, SegmentSource},
};

/// Bytes after which a piece ends: 0.1 ms, since some 700 lines that nobody has looked at for long are read.
const PIECE_BYTES: usize = 8 << 10;

/// What a stream is made of.
pub(crate) struct SegmentStreamParts {
    pub(crate) history: History,
    pub(crate) checkpoint: SegmentCheckpoint,
    /// Entries that are in no table.
    pub(crate) further: Box<dyn KeyedStream>,
}

/// See the module's page.
pub(crate) struct SegmentStream {
    id: CheckpointId,
    history: History,
    image: Image,
    parts: Vec<TablePart>,
    segment_bytes: usize,
    plan: Plan,
    /// Places of parts that are to be written, the next one first; then the plan's chunks are.
    to_write: VecDeque<u32>,
    chunks_written: usize,
    /// Of the new file, among those of the plan.
    new_file: Option<u32>,
    state: State,
    /// Bytes of the contents.
    contents_bytes: u64,
    further: Box<dyn KeyedStream>,
}

enum State {
    /// Of contents: parts that were written.
    Contents(Option<ContentsEncoder>, Vec<StoredPart>),
    Further,
}

impl SegmentStream {
    /// Freezes a table.
    pub(crate) fn new<K: Key, V: Record>(
        table: &mut KeyTable<K, V>,
        stream: SegmentStreamParts,
    ) -> Self {
        let SegmentStreamParts { history, checkpoint, further } = stream;
        let Lists { mut parts, kept, stored, ages } = history.lists();
        table.list_parts(&mut parts);
        let segment_bytes = table.segment_bytes();
        let changes = table.cut_changes(history.frozen(checkpoint.base));
        if checkpoint.base.is_some() {
            table.log_changes();
        }
        let frozen = table.version();
        let cut = Cut { frozen, parts: &parts, segment_bytes, changes, kept, ages };
        let plan = history.begin(checkpoint.base, cut);
        let wanted = (0u32..).zip(&plan.kept).filter(|(_, kept)| kept.is_none());
        let to_write: Vec<u32> = wanted.map(|(at, _)| at).collect();
        let image = table.freeze_image((&parts, &to_write), plan.chunks.len());
        Self {
            id: checkpoint.id,
            history,
            image,
            segment_bytes,
            to_write: to_write.into(),
            chunks_written: 0,
            parts,
            plan,
            new_file: None,
            state: State::Contents(None, stored),
            contents_bytes: 0,
            further,
        }
    }

    fn contents(&mut self, out: &mut Vec<u8>) {
        let Self { state, parts, plan, .. } = self;
        let State::Contents(encoder, stored) = state else { unreachable!("contents come first") };
        let begin = out.len();
        let total = parts.len() + plan.changes.len();
        let encoder = encoder.get_or_insert_with(|| {
            stored.clear();
            stored.reserve_exact(total);
            let buckets = parts.iter().filter(|part| part.kind.is_bucket()).count();
            let counts = [buckets, parts.len() - buckets, plan.changes.len()];
            ContentsEncoder::begin(out, self.segment_bytes, plan.files.len(), counts)
        });
        while out.len() - begin < PIECE_BYTES && stored.len() < total {
            let part = stored_part(parts, plan, stored.len());
            encoder.part(out, &part);
            stored.push(part);
        }
        self.contents_bytes += (out.len() - begin) as u64;
        if stored.len() == total {
            let (id, frozen) = (self.id, plan.frozen);
            let (files, stored) = (plan.files.clone(), std::mem::take(stored));
            self.history.written(Remembered { id, frozen, files, parts: stored });
            self.history.give_back(std::mem::take(parts), plan);
            self.state = State::Further;
        }
    }
}

/// Where a part is, or, behind them, one of the log.
fn stored_part(parts: &[TablePart], plan: &Plan, at: usize) -> StoredPart {
    if let Some(TablePart { kind, number, .. }) = parts.get(at) {
        let Kept { file, at, frozen } = plan.kept[at].expect("all parts are somewhere by now");
        return StoredPart { kind: *kind, number: *number, age: frozen.age(plan.frozen), file, at };
    }
    let number = at - parts.len();
    let StoredChanges { version, used, file, at } = plan.changes[number];
    let (kind, age) = (PartKind::Changes { used }, version.age(plan.frozen));
    StoredPart { kind, number: number as u32, age, file, at }
}

impl KeyedStream for SegmentStream {
    fn segments(&mut self) -> Option<&mut dyn SegmentSource> {
        Some(self)
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        assert!(self.to_write.is_empty(), "segments come first");
        match self.state {
            State::Contents(..) => {
                self.contents(out);
                Ok(true)
            }
            State::Further => self.further.next(out),
        }
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        let mut offsets = self.further.offsets();
        offsets.iter_mut().for_each(|at| at.offset += self.contents_bytes);
        offsets
    }

    fn shared(&mut self) -> Vec<NamedState> {
        let named = |(number, file): (usize, &SegmentFile)| NamedState {
            name: format!("segments {number}"),
            state: StateHandle::File(FileSlice {
                path: file.path.clone(),
                offset: file.begin,
                stored_len: file.end - file.begin,
                len: (file.written * self.segment_bytes) as u64,
                checksum: file.checksum,
            }),
        };
        self.plan.files.iter().enumerate().map(named).collect()
    }
}

impl SegmentSource for SegmentStream {
    fn next(&mut self) -> Result<Option<IoBuffer>, BoxError> {
        let Some(at) = self.to_write.front() else {
            return Ok(self.plan.chunks.get(self.chunks_written).map(|chunk| chunk.bytes()));
        };
        let taken = self.image.take(&self.parts[*at as usize])?;
        Ok(Some(taken.expect("a part is claimed until it is written")))
    }

    fn placed(&mut self, placed: Placed) {
        let Placed { path, at } = placed;
        let files = &mut self.plan.files;
        let file = *self.new_file.get_or_insert_with(|| {
            let (begin, end) = (at.offset, at.offset);
            let (written, live, checksum) = (0, 0, 0);
            files.push(SegmentFile { path, begin, end, written, live, checksum });
            files.len() as u32 - 1
        });
        let known = &mut files[file as usize];
        known.end = at.offset + u64::from(at.len);
        known.checksum = crc32c::crc32c_append(known.checksum, &at.checksum.to_le_bytes());
        (known.written, known.live) = (known.written + 1, known.live + 1);
        match self.to_write.pop_front() {
            Some(part) => {
                let frozen = self.plan.frozen;
                self.plan.kept[part as usize] = Some(Kept { file, at, frozen });
            }
            None => {
                let chunk = &self.plan.chunks[self.chunks_written];
                self.chunks_written += 1;
                let (version, used) = (chunk.version, chunk.used);
                self.plan.changes.push(StoredChanges { version, used, file, at });
            }
        }
        if self.to_write.is_empty() && self.chunks_written == self.plan.chunks.len() {
            // So that their memory is free again as soon as nobody else needs them.
            self.plan.chunks.clear();
            self.chunks_written = 0;
        }
    }

    fn is_starved(&self) -> bool {
        self.image.is_starved()
    }
}

impl std::fmt::Debug for SegmentStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentStream")
            .field("to_write", &self.to_write.len())
            .field("chunks", &self.plan.chunks.len())
            .finish_non_exhaustive()
    }
}
