//! The file sink as a program names it.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use brisk_core::chain::{Sink, SinkContext};
use brisk_core::error::Error;
use brisk_core::sink::TwoPhaseCommitWriter;
use brisk_core::task::Cx;

use super::bucket::{BucketAssigner, OneBucket};
use super::committer::{Clock, RollingCommitter};
use super::compaction::{CompactionStrategy, Compactor};
use super::encoder::{Delimited, Encoder, Lines};
use super::parts::{Parts, Writer};
use super::policy::RollingPolicy;
use super::run::Runs;
use crate::adapter::open_error;
use crate::sink::text::{Displayed, FormattedBy};

/// Writes records to files in buckets, each record exactly once whatever fails, provided that
/// checkpoints are taken.
///
/// Each subtask writes parts of its own: `part-<subtask>-<number>` in the folder of the bucket. A part
/// appears under that name when a checkpoint is complete that was taken after its last record, and never
/// changes again; until then it has a hidden name, which Brisk's own file sources pass over too. Without
/// checkpoints all parts appear when the job is at the end of its input, those of one subtask
/// independently of the others'. With [`FileSink::compaction`] small parts wait until they are merged.
///
/// One job at a time may write to a folder, in one process; another one gets an error.
#[derive(Debug, Clone)]
pub struct FileSink<E, B = OneBucket> {
    folder: PathBuf,
    encoder: E,
    buckets: B,
    policy: RollingPolicy,
    compaction: Option<CompactionStrategy>,
    runs: Arc<Runs>,
}

impl FileSink<Lines<Displayed>> {
    /// Lines of text, records as they display themselves.
    pub fn lines(folder: impl Into<PathBuf>) -> FileSink<Lines<Displayed>> {
        FileSink::with_encoder(folder, Lines(Displayed))
    }
}

impl FileSink<Delimited> {
    /// Binary records, each behind its length.
    pub fn records(folder: impl Into<PathBuf>) -> FileSink<Delimited> {
        FileSink::with_encoder(folder, Delimited)
    }
}

impl<E> FileSink<E> {
    /// Records as `encoder` writes them.
    pub fn with_encoder(folder: impl Into<PathBuf>, encoder: E) -> FileSink<E> {
        let (buckets, policy) = (OneBucket, RollingPolicy::default());
        let (folder, compaction) = (folder.into(), None);
        FileSink { folder, encoder, buckets, policy, compaction, runs: Arc::default() }
    }
}

impl<L, B> FileSink<Lines<L>, B> {
    /// Lines as `format` writes them, without the newline.
    pub fn format_with<T, F>(self, format: F) -> FileSink<Lines<FormattedBy<F>>, B>
    where
        F: Fn(&T, &mut dyn Write) -> fmt::Result + Clone + Send + 'static,
    {
        let FileSink { folder, buckets, policy, compaction, .. } = self;
        let encoder = Lines(FormattedBy(format));
        FileSink { folder, encoder, buckets, policy, compaction, runs: Arc::default() }
    }
}

impl<E, B> FileSink<E, B> {
    /// Which folder below the sink's a record goes to; [`OneBucket`] unless set.
    pub fn buckets<C>(self, buckets: C) -> FileSink<E, C> {
        let FileSink { folder, encoder, policy, compaction, .. } = self;
        FileSink { folder, encoder, buckets, policy, compaction, runs: Arc::default() }
    }

    /// When parts are closed between checkpoints.
    #[must_use]
    pub fn rolling(self, policy: RollingPolicy) -> FileSink<E, B> {
        FileSink { policy, runs: Arc::default(), ..self }
    }

    /// Merges small parts before they appear. The encoder's records must be such that the content of
    /// one part may follow that of another, as those of [`Lines`], [`Delimited`] and
    /// [`Raw`](super::Raw) are.
    #[must_use]
    pub fn compaction(self, strategy: CompactionStrategy) -> FileSink<E, B> {
        FileSink { compaction: Some(strategy), runs: Arc::default(), ..self }
    }
}

impl<T, E, B> Sink<T> for FileSink<E, B>
where
    T: 'static,
    E: Encoder<T>,
    B: BucketAssigner<T>,
{
    type Writer = TwoPhaseCommitWriter<T, RollingCommitter<E, B>>;

    fn open(
        &self,
        restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        cx: &mut Cx,
    ) -> Result<Self::Writer, Error> {
        let folder = self.folder.clone();
        let run = self.runs.enter(context, (&cx.files(), &folder), cx.processing_time());
        let run = run.map_err(|error| open_error(context, cx, error))?;
        let (subtask, name) = (context.subtask, run.name().to_string());
        let writer = Writer { folder: folder.clone(), subtask, run: name };
        let committer = RollingCommitter {
            run,
            parts: Parts::new(writer, self.policy),
            compactor: Compactor::new(folder.clone(), self.compaction.clone()),
            folder,
            encoder: self.encoder.clone(),
            buckets: self.buckets.clone(),
            bucket: String::new(),
            clock: Clock::new(cx),
        };
        TwoPhaseCommitWriter::open(committer, restored, context, cx)
    }
}
