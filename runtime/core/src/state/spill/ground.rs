//! [`SpillGround`]: the directories that a job's state spills to.

use brisk_memory::{
    SegmentCount,
    config::Configuration,
    driver::Files,
    spill::{SpillArea, SpillError, SpillOptions},
};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::{
    error::Error,
    graph::{Exchange, JobGraph},
};

/// Directories that are opened when the first operator needs them.
#[derive(Debug)]
pub struct SpillGround {
    options: SpillOptions,
    /// Subtasks of the job that keep keyed state.
    sharers: u32,
    area: Mutex<Option<SpillArea>>,
}

impl SpillGround {
    /// In these directories, for one subtask.
    pub fn new(options: SpillOptions) -> Self {
        Self { options, sharers: 1, area: Mutex::new(None) }
    }

    /// In none.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self::new(SpillOptions::new(Vec::new()))
    }

    /// In those that are configured, for the keyed state of a job.
    ///
    /// # Errors
    /// If the configuration is wrong.
    pub(crate) fn configured(config: &Configuration, job: &JobGraph) -> Result<Self, Error> {
        let options = SpillOptions::from_configuration(config)?;
        let keyed = job.edges().iter().filter(|edge| edge.exchange == Exchange::Hash);
        let vertices: BTreeSet<usize> = keyed.map(|edge| edge.to.as_index()).collect();
        let subtasks = |at: usize| job.vertices()[at].parallelism.0;
        let sharers = vertices.into_iter().map(subtasks).sum::<u32>().max(1);
        Ok(Self { sharers, ..Self::new(options) })
    }

    /// The part of this much memory that each subtask may take. One that began earlier, and had more to
    /// restore, would leave nothing to the others, and could not know that they need some.
    pub(in crate::state) fn share(&self, total: SegmentCount) -> SegmentCount {
        SegmentCount(total.0 / self.sharers)
    }

    /// The area in them, on these files.
    pub(super) fn area(&self, files: &Files) -> Result<SpillArea, SpillError> {
        let mut area = self.area.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *area {
            Some(area) => Ok(area.clone()),
            none => Ok(none.insert(SpillArea::open(files, self.options.clone())?).clone()),
        }
    }
}
