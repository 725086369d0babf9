//! The sink of lines of text.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;
use std::sync::Arc;

use brisk_core::chain::{Sink, SinkContext, SinkWriter};
use brisk_core::error::{Error, TaskError};
use brisk_core::graph::NodeId;
use brisk_core::task::Cx;
use brisk_core::task::flow::{Drive, Flow};

use super::publication::{Publication, Share, Target, WriteMode};
use super::writer::PartWriter;
use crate::adapter::{open_error, task_error};

/// Writes each record as a line of text, each subtask to the file `part-<subtask>` of a folder.
///
/// The files appear when all subtasks have finished, with their data on the disk, or not at all. A
/// folder that has part files already is an error before anything is written, unless the write mode is
/// [`WriteMode::Overwrite`]; then they are replaced at the end. (The names change one after another: a
/// machine that loses power in that moment can have old and new parts, each of them whole.)
#[derive(Debug, Clone)]
pub struct TextSink<L> {
    publication: Arc<Publication>,
    target: Target,
    lines: L,
}

/// Makes lines of records.
pub trait LineFormat<T>: Clone + Send + 'static {
    /// Writes the line of `record`, without a newline at its end.
    ///
    /// # Errors
    /// Fails the job.
    fn format<W: Write>(&self, record: &T, line: &mut W) -> fmt::Result;
}

/// Records as they display themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Displayed;

impl<T: Display> LineFormat<T> for Displayed {
    #[inline]
    fn format<W: Write>(&self, record: &T, line: &mut W) -> fmt::Result {
        write!(line, "{record}")
    }
}

/// Records as a function writes them.
#[derive(Debug, Clone, Copy)]
pub struct FormattedBy<F>(pub(super) F);

impl<T, F> LineFormat<T> for FormattedBy<F>
where
    F: Fn(&T, &mut dyn Write) -> fmt::Result + Clone + Send + 'static,
{
    #[inline]
    fn format<W: Write>(&self, record: &T, line: &mut W) -> fmt::Result {
        (self.0)(record, line)
    }
}

impl TextSink<Displayed> {
    /// Writes records as they display themselves.
    pub fn new(folder: impl Into<PathBuf>) -> TextSink<Displayed> {
        TextSink::of(Target { folder: folder.into(), mode: WriteMode::default() }, Displayed)
    }
}

impl<L> TextSink<L> {
    fn of(target: Target, lines: L) -> TextSink<L> {
        let publication = Arc::new(Publication::new(target.clone()));
        TextSink { publication, target, lines }
    }

    /// Writes records as `format` does, for example
    /// `|(word, count), line| write!(line, "{word} {count}")`.
    pub fn format_with<T, F>(self, format: F) -> TextSink<FormattedBy<F>>
    where
        F: Fn(&T, &mut dyn Write) -> fmt::Result + Clone + Send + 'static,
    {
        TextSink::of(self.target, FormattedBy(format))
    }

    /// Writes records as a format of its own type does, which costs no call through a pointer.
    pub fn with_format<M>(self, lines: M) -> TextSink<M> {
        TextSink::of(self.target, lines)
    }

    /// What to do when the folder has the output of an earlier job; [`WriteMode::NoOverwrite`] unless
    /// set.
    #[must_use]
    pub fn write_mode(self, mode: WriteMode) -> TextSink<L> {
        TextSink::of(Target { mode, ..self.target }, self.lines)
    }
}

/// A running [`TextSink`].
#[derive(Debug)]
pub struct TextWriter<L> {
    node: NodeId,
    part: PartWriter,
    lines: L,
}

impl<T, L: LineFormat<T>> Sink<T> for TextSink<L> {
    type Writer = TextWriter<L>;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        cx: &mut Cx,
    ) -> Result<TextWriter<L>, Error> {
        let SinkContext { subtask, parallelism, job_id, attempt, .. } = context;
        let writer = format!("{job_id}-{}", attempt.0);
        let share = Share { subtask: *subtask, parallelism: *parallelism, writer };
        let part = PartWriter::begin(&self.publication, share, cx)
            .map_err(|error| open_error(context, cx, error))?;
        Ok(TextWriter { node: context.node, part, lines: self.lines.clone() })
    }
}

impl<L> TextWriter<L> {
    #[cold]
    fn make_room(&mut self, cx: &mut Cx) -> Flow {
        match self.part.make_room(cx) {
            Ok(true) => Flow::Continue,
            Ok(false) => cx.pause_until_woken(),
            Err(error) => cx.fail(self.node, task_error(error)),
        }
    }
}

impl<T, L: LineFormat<T>> SinkWriter<T> for TextWriter<L> {
    #[inline]
    fn write(&mut self, item: T, cx: &mut Cx) -> Flow {
        let blocks = self.part.blocks();
        if let Err(error) = self.lines.format(&item, blocks) {
            return cx.fail(self.node, TaskError::Function(Box::new(error)));
        }
        blocks.push(b"\n");
        if blocks.has_room() { Flow::Continue } else { self.make_room(cx) }
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        if self.part.blocks().has_room() { Flow::Continue } else { self.make_room(cx) }
    }

    fn finish(&mut self, cx: &mut Cx) -> Drive {
        match self.part.close_file(cx) {
            Ok(true) => Drive::Ended,
            Ok(false) => {
                let paused = cx.pause_until_woken();
                paused.interrupts().expect("a pause interrupts")
            }
            Err(error) => {
                let failed = cx.fail(self.node, task_error(error));
                failed.interrupts().expect("a failure interrupts")
            }
        }
    }
}
