//! The RocksDB state backend.

use crate::config::grammar::{ConfigEnum, Fraction, MemorySize, PathList};
use crate::config::option::{ConfigOption, OptionDescription};

/// `state.backend.rocksdb.predefined-options`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredefinedOptions {
    /// What RocksDB does by itself.
    Default,
    /// For rotating disks.
    SpinningDisk,
    /// For rotating disks and much memory.
    SpinningDiskHighMemory,
    /// For flash drives.
    FlashSsd,
}

impl ConfigEnum for PredefinedOptions {
    const NAME: &'static str = "PredefinedOptions";
    const NAMES: &'static [(&'static str, PredefinedOptions)] = &[
        ("DEFAULT", PredefinedOptions::Default),
        ("SPINNING_DISK_OPTIMIZED", PredefinedOptions::SpinningDisk),
        ("SPINNING_DISK_OPTIMIZED_HIGH_MEM", PredefinedOptions::SpinningDiskHighMemory),
        ("FLASH_SSD_OPTIMIZED", PredefinedOptions::FlashSsd),
    ];
}

/// `state.backend.rocksdb.compaction.style`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactionStyle {
    /// By levels.
    Level,
    /// By age.
    Universal,
    /// The oldest files are dropped.
    Fifo,
}

impl ConfigEnum for CompactionStyle {
    const NAME: &'static str = "CompactionStyle";
    const NAMES: &'static [(&'static str, CompactionStyle)] = &[
        ("LEVEL", CompactionStyle::Level),
        ("UNIVERSAL", CompactionStyle::Universal),
        ("FIFO", CompactionStyle::Fifo),
    ];
}

/// `state.backend.rocksdb.localdir`.
pub const LOCAL_DIR: ConfigOption<Option<PathList>> = ConfigOption::new(
    "state.backend.rocksdb.localdir",
    "Folders for the files of RocksDB while a job runs, used in turn. Unset, those of io.tmp.dirs.",
)
.deprecated(&["state.backend.rocksdb.checkpointdir"]);

/// `state.backend.rocksdb.predefined-options`.
pub const PREDEFINED_OPTIONS: ConfigOption<PredefinedOptions> = ConfigOption::new(
    "state.backend.rocksdb.predefined-options",
    "Settings of RocksDB that suit a kind of disk; each key below that is set wins over them.",
)
.default("DEFAULT");

/// `state.backend.rocksdb.memory.managed`.
pub const MEMORY_MANAGED: ConfigOption<bool> = ConfigOption::new(
    "state.backend.rocksdb.memory.managed",
    "Whether the caches and write buffers of a slot share its part of managed memory.",
)
.default("true");

/// `state.backend.rocksdb.memory.fixed-per-slot`.
pub const MEMORY_FIXED_PER_SLOT: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "state.backend.rocksdb.memory.fixed-per-slot",
    "Memory of caches and write buffers of a slot, beside managed memory; wins over the key above.",
);

/// `state.backend.rocksdb.memory.write-buffer-ratio`.
pub const WRITE_BUFFER_RATIO: ConfigOption<Fraction> = ConfigOption::new(
    "state.backend.rocksdb.memory.write-buffer-ratio",
    "Part of a slot's memory for RocksDB that write buffers may take.",
)
.default("0.5");

/// `state.backend.rocksdb.block.cache-size`.
pub const BLOCK_CACHE_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "state.backend.rocksdb.block.cache-size",
    "Cache of blocks of an operator, where neither managed nor fixed memory bounds it; 8 mb if unset.",
);

/// `state.backend.rocksdb.block.blocksize`.
pub const BLOCK_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "state.backend.rocksdb.block.blocksize",
    "Bytes of a block of a file; 4 kb if neither this nor the predefined options say otherwise.",
);

/// `state.backend.rocksdb.writebuffer.size`.
pub const WRITE_BUFFER_SIZE: ConfigOption<Option<MemorySize>> = ConfigOption::new(
    "state.backend.rocksdb.writebuffer.size",
    "Bytes of a state that are gathered before they are written to a file; 64 mb if neither this nor \
     the predefined options say otherwise, and less where memory is less.",
);

/// `state.backend.rocksdb.writebuffer.count`.
pub const WRITE_BUFFER_COUNT: ConfigOption<Option<u32>> = ConfigOption::new(
    "state.backend.rocksdb.writebuffer.count",
    "Write buffers of a state, those on their way to a file included; 2 if neither this nor the \
     predefined options say otherwise.",
);

/// `state.backend.rocksdb.writebuffer.number-to-merge`.
pub const WRITE_BUFFERS_TO_MERGE: ConfigOption<Option<u32>> = ConfigOption::new(
    "state.backend.rocksdb.writebuffer.number-to-merge",
    "Write buffers that are merged before they are written; 1 if neither this nor the predefined \
     options say otherwise.",
);

/// `state.backend.rocksdb.thread.num`.
pub const THREADS: ConfigOption<Option<u32>> = ConfigOption::new(
    "state.backend.rocksdb.thread.num",
    "Threads of an operator that write and merge files; 2 if neither this nor the predefined options \
     say otherwise.",
);

/// `state.backend.rocksdb.files.open`.
pub const OPEN_FILES: ConfigOption<Option<u32>> = ConfigOption::new(
    "state.backend.rocksdb.files.open",
    "Files of an operator that are kept open; unset for all.",
);

/// `state.backend.rocksdb.compaction.style`.
pub const COMPACTION_STYLE: ConfigOption<CompactionStyle> = ConfigOption::new(
    "state.backend.rocksdb.compaction.style",
    "How files are merged in the background.",
)
.default("LEVEL");

/// `state.backend.rocksdb.use-bloom-filter`.
pub const USE_BLOOM_FILTER: ConfigOption<bool> = ConfigOption::new(
    "state.backend.rocksdb.use-bloom-filter",
    "Whether files have filters of 10 bits a key, which spare look-ups of keys that are not in them.",
)
.default("false");

/// `state.backend.rocksdb.write-batch-size`.
pub const WRITE_BATCH_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "state.backend.rocksdb.write-batch-size",
    "Bytes of changes that come together before they are given to RocksDB.",
)
.default("2 mb");

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        LOCAL_DIR.describe(),
        PREDEFINED_OPTIONS.describe(),
        MEMORY_MANAGED.describe(),
        MEMORY_FIXED_PER_SLOT.describe(),
        WRITE_BUFFER_RATIO.describe(),
        BLOCK_CACHE_SIZE.describe(),
        BLOCK_SIZE.describe(),
        WRITE_BUFFER_SIZE.describe(),
        WRITE_BUFFER_COUNT.describe(),
        WRITE_BUFFERS_TO_MERGE.describe(),
        THREADS.describe(),
        OPEN_FILES.describe(),
        COMPACTION_STYLE.describe(),
        USE_BLOOM_FILTER.describe(),
        WRITE_BATCH_SIZE.describe(),
    ]
}
