//! What can go wrong with files, in one enum. Every message names the file, where in it, and what
//! to do. Control plane: nothing here is on the record path.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::DriverError;

/// An error of a connector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A path given as input does not exist.
    #[error("input {}: there is no such file or folder; check the path", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// A pattern given as input matches nothing.
    #[error(
        "input {}: the pattern matches no file; names that begin with '.' (and '_', unless hidden \
         names are read) are matched only by patterns that begin so",
        pattern.display()
    )]
    NoMatch {
        /// The pattern as given.
        pattern: PathBuf,
    },
    /// A pattern given as input cannot be understood.
    #[error("input {}: not a valid pattern: {reason}", pattern.display())]
    BadPattern {
        /// The pattern as given.
        pattern: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An input is a device, a pipe or a socket.
    #[error(
        "input {}: is a {kind}, not a regular file or a folder; copy its data to a file first",
        path.display()
    )]
    NotRegular {
        /// The path as given.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// An input names more files than the limit.
    #[error("the input names more than {limit} files; give it to several jobs")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// A file is compressed in a way that is not supported.
    #[error(
        "file {}: the compression .{extension} is not supported (.gz and .zst are); decompress it, \
         or set compression to None to read its bytes as they are",
        path.display()
    )]
    UnknownCompression {
        /// The file.
        path: PathBuf,
        /// Its extension.
        extension: String,
    },
    /// The job was canceled while its input was listed.
    #[error("the job was canceled while the files of its input were listed; run it again")]
    ListingCanceled,
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as in "open".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file became shorter after it was listed.
    #[error(
        "file {}: shrank from {expected} to {actual} bytes while it was being read; inputs must \
         not change while a job reads them",
        path.display()
    )]
    Shrank {
        /// The file.
        path: PathBuf,
        /// Size when the input was listed.
        expected: u64,
        /// Size found.
        actual: u64,
    },
    /// A checkpoint has something that no file source left there.
    #[error(
        "file {}: the checkpoint says of it what no file source wrote; restore from another \
         checkpoint or savepoint",
        path.display()
    )]
    DamagedSplit {
        /// The file as the checkpoint names it.
        path: PathBuf,
    },
    /// A record is longer than the limit.
    #[error(
        "file {}: the record at byte {offset} is longer than {limit} bytes; raise {option} of the \
         source if that is intended",
        path.display()
    )]
    RecordTooLong {
        /// The file.
        path: PathBuf,
        /// Where the record starts (in the decompressed data if the file is compressed).
        offset: u64,
        /// The limit.
        limit: usize,
        /// The option that sets the limit.
        option: &'static str,
    },
    /// A line is not valid UTF-8 and the policy is to fail.
    #[error(
        "file {}: invalid UTF-8 at byte {offset}; set the source's invalid_utf8 to Replace or Skip \
         to read on",
        path.display()
    )]
    InvalidUtf8 {
        /// The file.
        path: PathBuf,
        /// The first invalid byte (in the decompressed data if the file is compressed).
        offset: u64,
    },
    /// A file ends in the middle of something.
    #[error("file {}: ends at byte {offset} in the middle of {what}; it is incomplete", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the data ends.
        offset: u64,
        /// What is cut off.
        what: &'static str,
    },
    /// Compressed data does not decode.
    #[error("file {}: corrupt {format} data at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where decoding stopped, in bytes of the compressed file.
        offset: u64,
        /// The compression format.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// A file of fixed-length records has a size that is no multiple of the record length.
    #[error(
        "file {}: its {size} bytes are no multiple of the record length {record_length}; the file \
         is incomplete or the record length is wrong",
        path.display()
    )]
    NotAMultiple {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The record length.
        record_length: usize,
    },
    /// An output folder has the output of an earlier job.
    #[error(
        "output {}: has part files of an earlier job already; remove them, choose another folder, \
         or let the sink replace them (its write_mode Overwrite)",
        path.display()
    )]
    OutputExists {
        /// The folder.
        path: PathBuf,
    },
    /// Another job writes to the same folder.
    #[error(
        "output {}: another job is writing to this folder; wait for its end, or choose another one",
        path.display()
    )]
    OutputBusy {
        /// The folder.
        path: PathBuf,
    },
    /// An output folder is something else.
    #[error("output {}: is a file, but a folder is needed; choose another path", path.display())]
    OutputNotFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// A bucket leads out of the sink's folder.
    #[error(
        "bucket '{bucket}': is not a path below the sink's folder; give names of folders with '/' \
         between them"
    )]
    BadBucket {
        /// The bucket as assigned.
        bucket: String,
    },
    /// A finished part has the name that a pending one is to get.
    #[error(
        "output {}: is there already, though the checkpoint has it as not committed; another job has \
         written to the folder, so give each its own",
        path.display()
    )]
    PartExists {
        /// The finished part.
        path: PathBuf,
    },
    /// A part that waits to be merged is not as the checkpoint says.
    #[error(
        "output {}: has {actual} bytes, not {expected} as the checkpoint says; something else has \
         written to it, so restore from another checkpoint or savepoint",
        path.display()
    )]
    DamagedPart {
        /// The hidden part.
        path: PathBuf,
        /// Its length when it was closed.
        expected: u64,
        /// Its length now.
        actual: u64,
    },
    /// There is no room for output.
    #[error(
        "no room left to {action} {}: {source}; free some space, raise the quota, or write \
         elsewhere",
        path.display()
    )]
    DiskFull {
        /// What was tried, as in "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The driver refused something.
    #[error(transparent)]
    Driver(DriverError),
    /// An option of a source or sink has a value that makes no sense.
    #[error("option {option}: {reason}")]
    BadOption {
        /// The option.
        option: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
}

impl ConnectError {
    /// An I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> ConnectError {
        if is_full(&source) {
            return ConnectError::DiskFull { action, path: path.to_path_buf(), source };
        }
        ConnectError::Io { action, path: path.to_path_buf(), source }
    }
}

impl From<DriverError> for ConnectError {
    fn from(error: DriverError) -> ConnectError {
        match error {
            DriverError::File { path, source, .. } if is_full(&source) => {
                ConnectError::DiskFull { action: "make a file or folder", path, source }
            }
            other => ConnectError::Driver(other),
        }
    }
}

/// What the system said, if it was about a file.
pub(crate) fn io_cause(error: &DriverError) -> Option<&io::Error> {
    match error {
        DriverError::File { source, .. } => Some(source),
        _ => None,
    }
}

/// Whether a path leads to nothing.
pub(crate) fn is_absent(error: &DriverError) -> bool {
    let kind = io_cause(error).map(io::Error::kind);
    matches!(kind, Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
