//! The source of binary records.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brisk_core::Record;
use brisk_core::chain::{Source, SourceContext};
use brisk_core::error::Error;
use brisk_core::task::Cx;

use super::handler::{EachRecord, Handler, ManyRecords, Owned, Records};
use super::input::FileInput;
use super::progress::Progress;
use super::running::{FileSourceReader, SourceParts};
use super::split::SourceSplit;
use crate::adapter::open_error;
use crate::error::ConnectError;
use crate::files::{Compression, FileSet, HiddenNames, SplitRule};
use crate::format::{DelimitedRecords, Fed, FixedRecords, Framing};

/// How binary records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryFormat {
    /// All are of this length, in bytes.
    Fixed(usize),
    /// Each begins with its length, 4 bytes, little endian.
    LengthDelimited {
        /// Longest record; a longer one is an error.
        max_record_length: usize,
    },
}

/// Reads binary files record by record.
#[derive(Debug, Clone)]
pub struct BinarySource<H = Owned> {
    input: FileInput,
    format: BinaryFormat,
    handler: H,
}

impl BinarySource<Owned> {
    /// Each record as a `Vec<u8>`; for paths see [`super::TextSource::new`].
    pub fn new(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        format: BinaryFormat,
    ) -> BinarySource<Owned> {
        BinarySource { input: FileInput::new(paths), format, handler: Owned }
    }
}

impl<H> BinarySource<H> {
    /// One record for each that was read, made by a function that sees it where it was read.
    pub fn map_records<T, F>(self, function: F) -> BinarySource<EachRecord<F>>
    where
        T: Record,
        F: FnMut(&[u8]) -> T + Clone + Send + 'static,
    {
        self.with_handler(EachRecord(function))
    }

    /// Any number of records for each that was read.
    pub fn flat_map_records<T, F>(self, function: F) -> BinarySource<ManyRecords<F, T>>
    where
        T: Record,
        F: FnMut(&[u8], &mut Records<T>) + Clone + Send + 'static,
    {
        self.with_handler(ManyRecords::new(function))
    }

    /// Records made by a handler of its own type, which passes them on without keeping them.
    pub fn with_handler<G: Handler<[u8]>>(self, handler: G) -> BinarySource<G> {
        BinarySource { input: self.input, format: self.format, handler }
    }

    /// Reads all files with this compression instead of going by their extensions.
    #[must_use]
    pub fn compression(self, compression: Compression) -> BinarySource<H> {
        BinarySource { input: self.input.compression(compression), ..self }
    }

    /// What to do with hidden names in folders and patterns; [`HiddenNames::Skip`] unless set.
    #[must_use]
    pub fn hidden_names(self, hidden: HiddenNames) -> BinarySource<H> {
        BinarySource { input: self.input.hidden_names(hidden), ..self }
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

impl<H: Handler<[u8]>> Source for BinarySource<H> {
    type Out = H::Out;
    type Reader = FileSourceReader<BinaryRecords, H, H::Out>;

    type Split = SourceSplit;

    fn open(
        &self,
        restored: Option<Vec<SourceSplit>>,
        context: &SourceContext,
        cx: &mut Cx,
    ) -> Result<Self::Reader, Error> {
        let framing = BinaryRecords::new(self.format);
        let framing = framing.map_err(|error| open_error(context, cx, error))?;
        let rule = match self.format {
            BinaryFormat::Fixed(length) => SplitRule::Every(length as u64),
            BinaryFormat::LengthDelimited { .. } => SplitRule::Whole,
        };
        let input = match restored {
            Some(splits) => self.input.resume(&splits, context),
            None => self.input.share(rule, context, cx),
        };
        let input = input.map_err(|error| open_error(context, cx, error))?;
        let sizes = check_sizes(self.format, &input.work.files);
        sizes.map_err(|error| open_error(context, cx, error))?;
        let parts = SourceParts {
            input,
            framing,
            handler: self.handler.clone(),
            progress: self.progress(),
            invalid: None,
        };
        Ok(FileSourceReader::new(context, parts))
    }
}

/// Files of fixed-length records have whole records only.
fn check_sizes(format: BinaryFormat, files: &FileSet) -> Result<(), ConnectError> {
    let BinaryFormat::Fixed(record_length) = format else { return Ok(()) };
    let is_partial = |size: u64| !size.is_multiple_of(record_length as u64);
    let plain = files.files().iter().filter(|file| file.compression == Compression::None);
    match plain.into_iter().find(|file| is_partial(file.size)) {
        Some(file) => {
            let path = file.path.to_path_buf();
            Err(ConnectError::NotAMultiple { path, size: file.size, record_length })
        }
        None => Ok(()),
    }
}

/// Either kind of binary record; told apart once a chunk.
#[derive(Debug)]
pub enum BinaryRecords {
    /// All of one length.
    Fixed(FixedRecords),
    /// Each with its length.
    LengthDelimited(DelimitedRecords),
}

impl BinaryRecords {
    fn new(format: BinaryFormat) -> Result<BinaryRecords, ConnectError> {
        match format {
            BinaryFormat::Fixed(length) => FixedRecords::new(length).map(BinaryRecords::Fixed),
            BinaryFormat::LengthDelimited { max_record_length } => {
                DelimitedRecords::new(max_record_length).map(BinaryRecords::LengthDelimited)
            }
        }
    }
}

impl Framing for BinaryRecords {
    type Record = [u8];

    fn first_byte(&self, start: u64) -> u64 {
        match self {
            BinaryRecords::Fixed(records) => records.first_byte(start),
            BinaryRecords::LengthDelimited(records) => records.first_byte(start),
        }
    }

    fn start(&mut self, file: &Arc<Path>, owned: Range<u64>) {
        match self {
            BinaryRecords::Fixed(records) => records.start(file, owned),
            BinaryRecords::LengthDelimited(records) => records.start(file, owned),
        }
    }

    fn split<E>(&mut self, bytes: &[u8], emit: &mut E) -> Result<Fed, ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        match self {
            BinaryRecords::Fixed(records) => records.split(bytes, emit),
            BinaryRecords::LengthDelimited(records) => records.split(bytes, emit),
        }
    }

    fn position(&self) -> u64 {
        match self {
            BinaryRecords::Fixed(records) => records.position(),
            BinaryRecords::LengthDelimited(records) => records.position(),
        }
    }

    fn finish<E>(&mut self, emit: &mut E) -> Result<(), ConnectError>
    where
        E: FnMut(&[u8]) -> ControlFlow<()>,
    {
        match self {
            BinaryRecords::Fixed(records) => records.finish(emit),
            BinaryRecords::LengthDelimited(records) => records.finish(emit),
        }
    }
}
