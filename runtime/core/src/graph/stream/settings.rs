//! What the environment says for all operators of a job.

use std::time::Duration;

use crate::graph::key_group::{MaxParallelism, Parallelism};

/// Whether the job's inputs end (REST: `BATCH`, `STREAMING`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum JobType {
    /// Runs until it is cancelled or its inputs end; all exchanges are pipelined.
    #[default]
    Streaming,
    /// Bounded, run stage by stage.
    Batch,
}

impl JobType {
    /// The name in REST answers and plans.
    pub fn name(self) -> &'static str {
        match self {
            JobType::Streaming => "STREAMING",
            JobType::Batch => "BATCH",
        }
    }
}

/// The environment's part of a stream graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GraphSettings {
    /// The job's name.
    pub job_name: String,
    /// The parallelism of operators that set none (`parallelism.default`).
    pub parallelism: Parallelism,
    /// The max parallelism of operators that set none (`pipeline.max-parallelism`); without it,
    /// [`MaxParallelism::default_for`].
    pub max_parallelism: Option<MaxParallelism>,
    /// Whether operators may be chained (`pipeline.operator-chaining.enabled`).
    pub chaining: bool,
    /// Whether an operator without uid gets an id from its place in the graph
    /// (`pipeline.auto-generate-uids`); if not, it's refused.
    pub auto_generate_uids: bool,
    /// Streaming or batch (`execution.runtime-mode`).
    pub job_type: JobType,
    /// Time between two watermarks of a periodic generator (`pipeline.auto-watermark-interval`);
    /// none if they are turned off.
    pub auto_watermark_interval: Option<Duration>,
}

impl Default for GraphSettings {
    fn default() -> GraphSettings {
        GraphSettings {
            job_name: "Brisk Streaming Job".to_owned(),
            parallelism: Parallelism(1),
            max_parallelism: None,
            chaining: true,
            auto_generate_uids: true,
            job_type: JobType::Streaming,
            auto_watermark_interval: Some(Duration::from_millis(200)),
        }
    }
}
