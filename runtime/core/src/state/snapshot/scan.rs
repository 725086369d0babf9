//! The canonical bytes of a store of another backend, made piece by piece.

use std::collections::VecDeque;

use super::{
    StreamOptions,
    stream::{Encoder, OwnedEntry, PIECE_BYTES, Writer},
};
use crate::{
    BoxError,
    checkpoint::{handle::KeyGroupOffset, savepoint::Entry},
    graph::KeyGroup,
    state::backend::FrozenStore,
    task::snapshot::KeyedStream,
};

/// Writes what was frozen, without what `keeps` says no to, and further entries whose states come
/// behind.
pub(crate) struct ScanStream<F> {
    frozen: Box<dyn FrozenStore>,
    keeps: F,
    /// Gone when offsets were asked for.
    writer: Option<Writer>,
    further: VecDeque<(KeyGroup, OwnedEntry)>,
    ended: bool,
}

impl<F: Fn(&Entry<'_>) -> bool> ScanStream<F> {
    pub(crate) fn new(frozen: Box<dyn FrozenStore>, keeps: F, options: &StreamOptions) -> Self {
        let writer = Some(Writer::new(Encoder::new(options)));
        Self { frozen, keeps, writer, further: VecDeque::new(), ended: false }
    }

    /// The same with further entries, sorted, whose states have greater numbers than all others.
    pub(crate) fn with_further(mut self, further: Vec<(KeyGroup, OwnedEntry)>) -> Self {
        assert!(further.is_sorted(), "further entries come in order");
        self.further = further.into();
        self
    }
}

impl<F: Fn(&Entry<'_>) -> bool> KeyedStream for ScanStream<F> {
    fn is_ready(&self) -> bool {
        self.frozen.is_ready()
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        let begin = out.len();
        let Self { frozen, keeps, writer, further, ended } = self;
        let writer = writer.as_mut().expect("offsets are asked for at the end");
        if !*ended {
            let more = frozen.next(&mut |group, entry| {
                while let Some((of, _)) = further.front()
                    && *of < group
                {
                    let (of, before) = further.pop_front().expect("it was just seen");
                    writer.write(of, &before.borrowed(), out);
                }
                if keeps(entry) {
                    writer.write(group, entry, out);
                }
                out.len() - begin < PIECE_BYTES
            })?;
            *ended = !more;
        }
        while *ended
            && out.len() - begin < PIECE_BYTES
            && let Some((group, entry)) = further.pop_front()
        {
            writer.write(group, &entry.borrowed(), out);
        }
        if *ended && further.is_empty() {
            writer.close(out);
        }
        Ok(!*ended || out.len() > begin)
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        self.writer.take().expect("offsets are asked for once").encoder.finish()
    }
}

/// A snapshot that could not even begin: the checkpoint is declined, the task goes on.
pub(crate) struct FailedStream(Option<BoxError>);

impl FailedStream {
    pub(crate) fn new(cause: BoxError) -> Self {
        Self(Some(cause))
    }
}

impl KeyedStream for FailedStream {
    fn next(&mut self, _out: &mut Vec<u8>) -> Result<bool, BoxError> {
        Err(self.0.take().expect("a checkpoint is declined once"))
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        unreachable!("there are no bytes")
    }
}
