//! The bytes of a frozen table, made piece by piece.

use super::GroupEncoder;
use crate::{
    BoxError, Key, Record,
    checkpoint::{
        handle::{BackendKind, KeyGroupOffset},
        savepoint::{CanonicalEncoder, Entry},
    },
    graph::{KeyGroup, KeyGroupRange},
    state::{
        StateError,
        table::{EntryRef, FrozenEntries, Run},
    },
    task::snapshot::KeyedStream,
};

/// Bytes after which a piece ends.
pub(super) const PIECE_BYTES: usize = 100 << 10;
/// Entries whose first line is asked for ahead.
const LOOK_AHEAD: usize = 8;

/// What the key and the value of a table are as an entry of a snapshot.
pub(crate) trait EntryForm: 'static {
    /// The entry; `None` to leave it out.
    fn entry<'a>(&self, key: &'a [u8], value: &'a [u8]) -> Option<Entry<'a>>;
}

/// What an [`EntryStream`] writes.
#[derive(Clone, Debug)]
pub(crate) struct StreamOptions {
    /// The format: canonical or that of the backend in memory.
    pub(crate) format: BackendKind,
    /// The key groups of the table.
    pub(crate) range: KeyGroupRange,
    /// How many states there are.
    pub(crate) states: u32,
}

/// An entry that does not lie in a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnedEntry {
    pub(crate) state: u32,
    pub(crate) key: Vec<u8>,
    pub(crate) namespace: Vec<u8>,
    pub(crate) sub_key: Vec<u8>,
}

impl OwnedEntry {
    /// Without a value.
    pub(super) fn borrowed(&self) -> Entry<'_> {
        let Self { state, key, namespace, sub_key } = self;
        Entry { state: *state, key, namespace, sub_key, value: &[] }
    }
}

/// One of two formats.
pub(super) enum Encoder {
    Unsorted(GroupEncoder),
    Canonical(CanonicalEncoder),
}

impl Encoder {
    pub(super) fn new(options: &StreamOptions) -> Self {
        match options.format {
            BackendKind::Canonical => {
                Self::Canonical(CanonicalEncoder::new(options.range, options.states))
            }
            BackendKind::HashMap => Self::Unsorted(GroupEncoder::new()),
            BackendKind::RocksDb => unreachable!("another backend's format"),
        }
    }

    fn begin_group(&mut self, out: &mut Vec<u8>, group: KeyGroup) {
        match self {
            Self::Unsorted(encoder) => encoder.begin_group(out, group),
            Self::Canonical(encoder) => encoder.begin_group(out, group),
        }
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        match self {
            Self::Unsorted(encoder) => encoder.entry(out, entry),
            Self::Canonical(encoder) => encoder.entry(out, entry),
        }
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Unsorted(encoder) => encoder.end_group(out),
            Self::Canonical(encoder) => encoder.end_group(out),
        }
    }

    pub(super) fn finish(self) -> Vec<KeyGroupOffset> {
        match self {
            Self::Unsorted(encoder) => encoder.finish(),
            Self::Canonical(encoder) => encoder.finish(),
        }
    }
}

/// The encoder and the group that it is in.
pub(super) struct Writer {
    pub(super) encoder: Encoder,
    open: Option<KeyGroup>,
}

impl Writer {
    pub(super) fn new(encoder: Encoder) -> Self {
        Self { encoder, open: None }
    }

    /// Writes an entry, its group begun before if need be.
    pub(super) fn write(&mut self, group: KeyGroup, entry: &Entry<'_>, out: &mut Vec<u8>) {
        if self.open != Some(group) {
            self.close(out);
            self.encoder.begin_group(out, group);
            self.open = Some(group);
        }
        self.encoder.entry(out, entry);
    }

    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            self.encoder.end_group(out);
        }
    }
}

/// Writes a frozen table.
pub(crate) struct EntryStream<K, V, F> {
    entries: FrozenEntries<K, V>,
    form: F,
    /// Gone when offsets were asked for.
    writer: Option<Writer>,
    /// The entries in hand, their group, and how many of them were written.
    run: Vec<EntryRef>,
    group: Option<KeyGroup>,
    written: usize,
}

impl<K: Key, V: Record, F: EntryForm> EntryStream<K, V, F> {
    pub(crate) fn new(entries: FrozenEntries<K, V>, form: F, options: &StreamOptions) -> Self {
        Self {
            entries,
            form,
            writer: Some(Writer::new(Encoder::new(options))),
            run: Vec::new(),
            group: None,
            written: 0,
        }
    }

    /// Takes the next entries in hand.
    fn next_run(&mut self) -> Result<(), StateError> {
        let is_sorted = matches!(self.writer().encoder, Encoder::Canonical(_));
        let size = if is_sorted { Run::Group } else { Run::Bucket };
        self.group = self.entries.next_run(size, &mut self.run)?;
        self.written = 0;
        if is_sorted {
            let Self { run, entries, form, .. } = self;
            run.sort_by(|one, other| {
                let (one, other) = (entries.entry(*one), entries.entry(*other));
                form.entry(one.key(), one.value()).cmp(&form.entry(other.key(), other.value()))
            });
        }
        Ok(())
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("offsets are asked for at the end")
    }

    /// Writes an entry of the run, if the form does not leave it out.
    fn write_next(&mut self, group: KeyGroup, out: &mut Vec<u8>) {
        let at = self.run[self.written];
        self.written += 1;
        if let Some(ahead) = self.run.get(self.written + LOOK_AHEAD) {
            self.entries.prefetch(*ahead);
        }
        let Self { entries, form, writer, .. } = self;
        let stored = entries.entry(at);
        let Some(entry) = form.entry(stored.key(), stored.value()) else { return };
        let writer = writer.as_mut().expect("offsets are asked for at the end");
        writer.write(group, &entry, out);
    }
}

impl<K: Key, V: Record, F: EntryForm> KeyedStream for EntryStream<K, V, F> {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        let begin = out.len();
        while out.len() - begin < PIECE_BYTES {
            if self.group.is_none() {
                self.next_run()?;
            }
            match self.group {
                Some(run) if self.written < self.run.len() => self.write_next(run, out),
                Some(_) => self.group = None,
                None => {
                    self.writer().close(out);
                    return Ok(out.len() > begin);
                }
            }
        }
        Ok(true)
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        self.writer.take().expect("offsets are asked for once").encoder.finish()
    }
}
