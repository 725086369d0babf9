//! What the configuration says about RocksDB.

use std::path::PathBuf;

use brisk_memory::config::{
    ConfigError, Configuration, MemorySize, PathList,
    options::{
        core,
        rocksdb::{self as keys, CompactionStyle, PredefinedOptions},
    },
};
use rocksdb::{
    BlockBasedOptions, DBCompactionStyle, DBCompressionType, LogLevel, Options, WriteOptions,
};

use crate::{
    expiry::{Expiry, ExpiryFactory},
    memory::SlotMemory,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Bits that a filter has for each key.
const BLOOM_BITS: f64 = 10.0;

/// Part of a write buffer that is a filter of its keys. Most keys that are looked up are not in it, and to
/// find that out in the buffer itself was a third of the CPU of counting by 3 M keys.
const BUFFER_FILTER: f64 = 0.02;

/// All that can be set.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Folders for local files, used in turn.
    pub directories: Vec<PathBuf>,
    /// Where memory comes from.
    pub memory: MemorySource,
    /// Part of the memory that write buffers may take.
    pub write_buffer_ratio: f64,
    /// Bytes of changes that come together before they are written.
    pub write_batch_bytes: usize,
    predefined: PredefinedOptions,
    block_bytes: Option<usize>,
    write_buffer_bytes: Option<usize>,
    write_buffers: Option<u32>,
    write_buffers_to_merge: Option<u32>,
    threads: Option<u32>,
    open_files: Option<u32>,
    style: CompactionStyle,
    bloom_filter: bool,
}

/// Where the memory of caches and write buffers comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemorySource {
    /// The slot's part of managed memory.
    Managed,
    /// So many bytes for each slot, beside managed memory.
    Fixed(u64),
    /// A cache of so many bytes, and write buffers as they come, for each operator.
    Unbounded(u64),
}

fn bytes(size: MemorySize) -> usize {
    usize::try_from(size.bytes()).unwrap_or(usize::MAX)
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When one of the keys holds a text that it does not accept.
    pub fn read(config: &Configuration) -> Result<Self, ConfigError> {
        let PathList(directories) = match config.get(&keys::LOCAL_DIR)? {
            Some(directories) => directories,
            None => config.get(&core::TMP_DIRS)?,
        };
        let fixed = config.get(&keys::MEMORY_FIXED_PER_SLOT)?;
        let cache = config.get(&keys::BLOCK_CACHE_SIZE)?.map(MemorySize::bytes);
        let memory = match (fixed, config.get(&keys::MEMORY_MANAGED)?) {
            (Some(fixed), _) => MemorySource::Fixed(fixed.bytes()),
            (None, true) => MemorySource::Managed,
            (None, false) => MemorySource::Unbounded(cache.unwrap_or(8 * MIB as u64)),
        };
        Ok(Self {
            directories,
            memory,
            write_buffer_ratio: config.get(&keys::WRITE_BUFFER_RATIO)?.widened(),
            write_batch_bytes: bytes(config.get(&keys::WRITE_BATCH_SIZE)?),
            predefined: config.get(&keys::PREDEFINED_OPTIONS)?,
            block_bytes: config.get(&keys::BLOCK_SIZE)?.map(bytes),
            write_buffer_bytes: config.get(&keys::WRITE_BUFFER_SIZE)?.map(bytes),
            write_buffers: config.get(&keys::WRITE_BUFFER_COUNT)?,
            write_buffers_to_merge: config.get(&keys::WRITE_BUFFERS_TO_MERGE)?,
            threads: config.get(&keys::THREADS)?,
            open_files: config.get(&keys::OPEN_FILES)?,
            style: config.get(&keys::COMPACTION_STYLE)?,
            bloom_filter: config.get(&keys::USE_BLOOM_FILTER)?,
        })
    }

    fn is_high_memory(&self) -> bool {
        self.predefined == PredefinedOptions::SpinningDiskHighMemory
    }

    /// Options of a database.
    pub(crate) fn database(&self, memory: &SlotMemory) -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let threads = self.threads.unwrap_or(match self.predefined {
            PredefinedOptions::Default => 2,
            // As Flink has it for all of these.
            _ => 4,
        });
        options.set_max_background_jobs(i32::try_from(threads.max(1)).unwrap_or(i32::MAX));
        let files = self.open_files.and_then(|files| i32::try_from(files).ok());
        options.set_max_open_files(files.unwrap_or(-1));
        options.set_use_fsync(false);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_log_level(LogLevel::Header);
        options.set_keep_log_file_num(1);
        // Nothing is written to it.
        options.set_max_total_wal_size(MIB as u64);
        if let Some(manager) = memory.write_buffers() {
            options.set_write_buffer_manager(manager);
        }
        options
    }

    /// Options of the column family of a state.
    pub(crate) fn state(&self, memory: &SlotMemory, expiry: &Expiry) -> Options {
        let mut options = Options::default();
        let mut buffer = self.write_buffer_bytes.unwrap_or(64 * MIB);
        if let Some(bound) = memory.write_buffer_bytes() {
            // One that is being filled and one on its way to a file.
            buffer = buffer.min(bound / 2).max(64 * KIB);
        }
        options.set_write_buffer_size(buffer);
        options.set_memtable_prefix_bloom_ratio(BUFFER_FILTER);
        options.set_memtable_whole_key_filtering(true);
        let count = self.write_buffers.unwrap_or(if self.is_high_memory() { 4 } else { 2 });
        options.set_max_write_buffer_number(i32::try_from(count.max(2)).unwrap_or(i32::MAX));
        let merged =
            self.write_buffers_to_merge.unwrap_or(if self.is_high_memory() { 3 } else { 1 });
        options.set_min_write_buffer_number_to_merge(i32::try_from(merged.max(1)).unwrap_or(1));
        if self.is_high_memory() {
            options.set_target_file_size_base(256 * MIB as u64);
            options.set_max_bytes_for_level_base(1 << 30);
        }
        options.set_compaction_style(match self.style {
            CompactionStyle::Level => DBCompactionStyle::Level,
            CompactionStyle::Universal => DBCompactionStyle::Universal,
            CompactionStyle::Fifo => DBCompactionStyle::Fifo,
        });
        let is_spinning = matches!(
            self.predefined,
            PredefinedOptions::SpinningDisk | PredefinedOptions::SpinningDiskHighMemory
        );
        options.set_level_compaction_dynamic_level_bytes(is_spinning);
        options.set_compression_type(DBCompressionType::Snappy);
        options.set_block_based_table_factory(&self.blocks(memory));
        options.set_compaction_filter_factory(ExpiryFactory(expiry.clone()));
        options
    }

    fn blocks(&self, memory: &SlotMemory) -> BlockBasedOptions {
        let mut blocks = BlockBasedOptions::default();
        let usual = if self.is_high_memory() { 128 * KIB } else { 4 * KIB };
        blocks.set_block_size(self.block_bytes.unwrap_or(usual));
        blocks.set_block_cache(memory.cache());
        // So that they count as what the cache may hold.
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        blocks.set_format_version(5);
        if self.bloom_filter || self.is_high_memory() {
            blocks.set_bloom_filter(BLOOM_BITS, false);
        }
        blocks
    }

    /// How batches are written.
    pub(crate) fn writing() -> WriteOptions {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        // Batches are sorted.
        options.set_memtable_insert_hint_per_batch(true);
        options
    }
}
