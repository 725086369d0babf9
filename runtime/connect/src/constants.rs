//! Limits of the connectors, each with where it comes from.
//!
//! Control plane and data plane both read them; none of them changes at run time. The ones a user
//! may change are defaults of an options struct and say which.

/// Bytes asked of the disk in one read. Measured on virtio and page cache alike, reads of 256 KiB
/// to 1 MiB run at full speed; above that a chunk no longer fits the second-level cache when it is
/// parsed.
pub const READ_CHUNK: usize = 512 * 1024;

/// Reads of one reader under way at once: one is parsed while the next one is fetched.
pub const READS_IN_FLIGHT: usize = 2;

/// Bytes read beyond the end of a split of text at once, where its last line very likely ends.
pub const TAIL_SLACK: usize = 4 * 1024;

/// A file is not cut into splits smaller than this: opening costs more than reading such a piece.
pub const MIN_SPLIT: u64 = 256 * 1024;

/// Splits made of a large input for each subtask. The pieces of a subtask come from all over the
/// input, so a region that is slow to process is shared by all; and since loads differ by one piece
/// at most, they differ by less than 2 %.
pub const SPLITS_PER_SUBTASK: u64 = 64;

/// Default limit for one line, and for one length-delimited record.
pub const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Lines of text are checked for UTF-8 in blocks of about this size: large enough to amortize the
/// check, small enough that checking again after a pause costs less than a microsecond.
pub const TEXT_BLOCK: usize = 8 * 1024;

/// A carry buffer that grew beyond this for one long record is given back after it.
pub const CARRY_KEPT: usize = 1024 * 1024;

/// Output of a decompressor that is parsed at once; it bounds what one compressed chunk expands to
/// at a time, whatever its ratio.
pub const INFLATE_BLOCK: usize = 256 * 1024;

/// Bytes of output that go to the disk in one write.
pub const WRITE_BLOCK: usize = 256 * 1024;

/// Blocks of one output file: one is filled while the other is written.
pub const WRITE_BLOCKS: usize = 2;

/// Attempts to find a name for a file in progress that no other file has.
pub const NAME_ATTEMPTS: u32 = 1000;

/// Parts of one subtask of a rolling sink that records go to, and as many again that are on their way
/// to the disk: 32 MiB of blocks, twice.
pub const OPEN_PARTS_MAX: usize = 64;

/// Buckets of which a rolling sink remembers that it has seen what is in them: 1 MiB of names or so.
pub const LISTED_BUCKETS_MAX: usize = 16 * 1024;

/// Parts of one bucket that wait to be merged: with more, a checkpoint would have much to store of them, 100
/// KiB or so, and a merge many files to open.
pub const WAITING_PARTS_MAX: usize = 1024;

/// Files one input can name. Indices of files are 32 bits wide.
pub const MAX_FILES: usize = 16 * 1024 * 1024;

const _: () = assert!(READ_CHUNK >= 256 * 1024 && READ_CHUNK <= 1024 * 1024);
const _: () = assert!(TAIL_SLACK < READ_CHUNK);
const _: () = assert!(MIN_SPLIT > TAIL_SLACK as u64);
const _: () = assert!(TEXT_BLOCK <= READ_CHUNK);
const _: () = assert!(CARRY_KEPT <= MAX_RECORD);
const _: () = assert!(MAX_FILES <= u32::MAX as usize);
