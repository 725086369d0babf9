//! What the configuration says about the job itself: its checkpoints, its restarts, its beginning.

use brisk_memory::config::{
    Configuration, PathList,
    options::{
        checkpointing::{self, CheckpointStorage, CheckpointingMode},
        core, history,
        state::{self, ClaimMode},
    },
};
use brisk_network::barrier::Guarantee;
use std::path::PathBuf;

use crate::{
    checkpoint::{
        CheckpointConfig, checkpoint_storage,
        restart::RestartSettings,
        storage::{Compression, FileSystemStorage, JobManagerStorage, local_path},
    },
    error::Error,
    graph::{JobId, JobType},
    worker::StateDestination,
};

/// Settings of one job.
#[derive(Clone, Debug)]
pub(crate) struct JobSettings {
    /// When, how and how many checkpoints are taken.
    pub(super) checkpoints: CheckpointConfig,
    /// Where they go.
    pub(super) storage: StorageSettings,
    /// What follows a failure.
    pub(super) restart: RestartSettings,
    /// What the job begins with, if not with nothing.
    pub(super) recovery: Option<Recovery>,
    /// Whether state of operators that are gone is left out.
    pub(super) ignore_unclaimed_state: bool,
    /// Copies of checkpoints at hand, if there are to be some.
    pub(super) local: Option<LocalSettings>,
    /// How much of its past is remembered.
    pub(super) history: HistorySettings,
}

/// Copies of checkpoints at hand.
#[derive(Clone, Debug)]
pub(super) struct LocalSettings {
    /// Where they go: the first of these that can be written to.
    pub(super) folders: Vec<PathBuf>,
    /// Whether tasks read them.
    pub(super) are_read: bool,
}

impl LocalSettings {
    fn read(config: &Configuration) -> Result<Option<Self>, Error> {
        if !config.get(&checkpointing::LOCAL_BACKUP)? {
            return Ok(None);
        }
        let PathList(folders) = match config.get(&checkpointing::LOCAL_BACKUP_DIRS)? {
            Some(folders) => folders,
            None => config.get(&core::TMP_DIRS)?,
        };
        Ok(Some(Self { folders, are_read: config.get(&state::FROM_LOCAL)? }))
    }
}

/// How much is remembered of what a job went through.
#[derive(Clone, Copy, Debug)]
pub(super) struct HistorySettings {
    pub(super) checkpoints: usize,
    pub(super) failures: usize,
}

/// Where a job's checkpoints go.
#[derive(Clone, Debug)]
pub(super) struct StorageSettings {
    /// The folder of files; none for storage `jobmanager`.
    directory: Option<PathBuf>,
    /// Whether the job has a folder of its own in there.
    create_subdir: bool,
    compression: Compression,
    inline_below: u64,
    /// Most bytes of an acknowledgement that has state in it.
    frame_bytes_max: u64,
}

/// A checkpoint or savepoint to begin with.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    pub(super) path: String,
    pub(super) claim: ClaimMode,
}

impl JobSettings {
    /// Reads them. Batch jobs take no checkpoints: what they lose is computed again.
    pub(crate) fn read(config: &Configuration, job_type: JobType) -> Result<Self, Error> {
        let mut checkpoints = CheckpointConfig::read(config)?;
        if job_type == JobType::Batch {
            checkpoints.interval = None;
            checkpoints.interval_during_backlog = None;
        }
        let directory = match checkpoint_storage(config)? {
            CheckpointStorage::FileSystem => config.get(&checkpointing::DIR)?,
            CheckpointStorage::JobManager => None,
        };
        let compression = match config.get(&checkpointing::SNAPSHOT_COMPRESSION)? {
            true => Compression::Zstd,
            false => Compression::None,
        };
        let claim = config.get(&state::CLAIM_MODE)?;
        let path = config.get(&state::RECOVERY_PATH)?;
        Ok(Self {
            restart: RestartSettings::read(config, checkpoints.is_periodic())?,
            storage: StorageSettings {
                directory: directory.map(|directory| local_path(&directory)),
                create_subdir: config.get(&checkpointing::CREATE_SUBDIR)?,
                compression,
                inline_below: config.get(&checkpointing::INLINE_THRESHOLD)?.bytes(),
                frame_bytes_max: config.get(&history::FRAME_SIZE)?.bytes(),
            },
            recovery: path.map(|path| Recovery { path, claim }),
            ignore_unclaimed_state: config.get(&state::IGNORE_UNCLAIMED_STATE)?,
            local: LocalSettings::read(config)?,
            history: HistorySettings {
                checkpoints: config.get(&history::CHECKPOINTS_HISTORY)? as usize,
                failures: config.get(&history::EXCEPTION_HISTORY)? as usize,
            },
            checkpoints,
        })
    }

    /// What barriers promise.
    pub(super) fn guarantee(&self) -> Guarantee {
        match self.checkpoints.mode {
            CheckpointingMode::ExactlyOnce => Guarantee::ExactlyOnce,
            CheckpointingMode::AtLeastOnce => Guarantee::AtLeastOnce,
        }
    }
}

impl StorageSettings {
    /// The job's folders; none for storage `jobmanager`.
    pub(super) fn folders(&self, job: JobId) -> Option<FileSystemStorage> {
        let directory = self.directory.as_ref()?;
        Some(match self.create_subdir {
            true => FileSystemStorage::of_job(directory, job),
            false => FileSystemStorage::in_folder(directory.clone()),
        })
    }

    /// Where tasks write their state.
    pub(super) fn destination(&self, job: JobId) -> StateDestination {
        match self.folders(job) {
            None => StateDestination::Inline(JobManagerStorage {
                frame_bytes_max: self.frame_bytes_max,
                ..JobManagerStorage::default()
            }),
            Some(storage) => StateDestination::Files {
                storage,
                compression: self.compression,
                inline_below: self.inline_below,
            },
        }
    }
}
