//! The source of lines of text.

use std::path::PathBuf;

use brisk_core::Record;
use brisk_core::chain::{Source, SourceContext};
use brisk_core::error::Error;
use brisk_core::task::Cx;

use super::handler::{EachRecord, Handler, ManyRecords, Owned, Records};
use super::input::FileInput;
use super::progress::Progress;
use super::running::{FileSourceReader, InvalidLines, SourceParts};
use super::split::SourceSplit;
use crate::adapter::open_error;
use crate::files::{Compression, HiddenNames, SplitRule};
use crate::format::{InvalidUtf8, LineOptions, TextLines};

/// How text is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// How lines are found.
    pub lines: LineOptions,
    /// What to do with lines that are not valid UTF-8.
    pub invalid_utf8: InvalidUtf8,
}

/// The name, before a dot and the operator's name, of the accumulator that counts lines which were
/// not valid UTF-8: `invalid-utf8.Source: text`.
pub const INVALID_UTF8: &str = "invalid-utf8";

/// Reads files of text line by line.
///
/// Lines that are not valid UTF-8 are treated as [`TextOptions::invalid_utf8`] says, and counted: in
/// [`Progress`] while the job runs, and by an accumulator ([`INVALID_UTF8`]) in its result.
///
/// Large files are read by several subtasks, each a part; `.gz` and `.zst` files are decompressed.
/// Lines keep their order within a part of a file, nothing is promised beyond that.
#[derive(Debug, Clone)]
pub struct TextSource<H = Owned> {
    input: FileInput,
    options: TextOptions,
    handler: H,
}

impl TextSource<Owned> {
    /// Each line as a `String`. Paths are files, folders (all visible files below them) and patterns
    /// (`*`, `?`, `[...]`, `**`).
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> TextSource<Owned> {
        let input = FileInput::new(paths);
        TextSource { input, options: TextOptions::default(), handler: Owned }
    }
}

impl<H> TextSource<H> {
    /// One record for each line, made by a function that sees the line where it was read.
    pub fn map_lines<T, F>(self, function: F) -> TextSource<EachRecord<F>>
    where
        T: Record,
        F: FnMut(&str) -> T + Clone + Send + 'static,
    {
        self.with_handler(EachRecord(function))
    }

    /// Any number of records for each line, made by a function that sees the line where it was read.
    pub fn flat_map_lines<T, F>(self, function: F) -> TextSource<ManyRecords<F, T>>
    where
        T: Record,
        F: FnMut(&str, &mut Records<T>) + Clone + Send + 'static,
    {
        self.with_handler(ManyRecords::new(function))
    }

    /// Records made by a handler of its own type, which passes them on without keeping them.
    pub fn with_handler<G: Handler<str>>(self, handler: G) -> TextSource<G> {
        TextSource { input: self.input, options: self.options, handler }
    }

    /// How lines are read.
    #[must_use]
    pub fn options(self, options: TextOptions) -> TextSource<H> {
        TextSource { options, ..self }
    }

    /// Reads all files with this compression instead of going by their extensions.
    #[must_use]
    pub fn compression(self, compression: Compression) -> TextSource<H> {
        TextSource { input: self.input.compression(compression), ..self }
    }

    /// What to do with hidden names in folders and patterns; [`HiddenNames::Skip`] unless set.
    #[must_use]
    pub fn hidden_names(self, hidden: HiddenNames) -> TextSource<H> {
        TextSource { input: self.input.hidden_names(hidden), ..self }
    }

    /// The files it reads, to list them early.
    pub fn input(&self) -> &FileInput {
        &self.input
    }

    /// How far it is, to be kept and looked at while the job runs.
    pub fn progress(&self) -> Progress {
        self.input.progress().clone()
    }
}

impl<H: Handler<str>> Source for TextSource<H> {
    type Out = H::Out;
    type Reader = FileSourceReader<TextLines, H, H::Out>;

    type Split = SourceSplit;

    fn open(
        &self,
        restored: Option<Vec<SourceSplit>>,
        context: &SourceContext,
        cx: &mut Cx,
    ) -> Result<Self::Reader, Error> {
        let input = match restored {
            Some(splits) => self.input.resume(&splits, context),
            None => self.input.share(SplitRule::Anywhere, context, cx),
        };
        let input = input.map_err(|error| open_error(context, cx, error))?;
        let framing = TextLines::new(self.options.lines, self.options.invalid_utf8);
        let name = format!("{INVALID_UTF8}.{}", context.operator);
        let counter = context.accumulators.long_counter(&name)?;
        let parts = SourceParts {
            input,
            framing,
            handler: self.handler.clone(),
            progress: self.progress(),
            invalid: Some(InvalidLines {
                found: |lines| lines.report().lines,
                counter,
                counted: 0,
            }),
        };
        Ok(FileSourceReader::new(context, parts))
    }
}
