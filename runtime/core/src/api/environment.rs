//! The environment of a program: its configuration, its sources, its execution.

use brisk_memory::config::{
    Configuration,
    options::{
        checkpointing, core,
        execution::{self, RuntimeMode},
        pipeline,
        state::{self, ClaimMode},
    },
    render_duration,
};
use std::{cell::RefCell, fmt, num::NonZeroU32, sync::Arc, thread, time::Duration};

use super::{Arguments, program::Program};
use crate::{
    error::Error,
    graph::execution::SlotPlan,
    graph::{GraphSettings, JobGraph, JobId, JobType, MaxParallelism, Parallelism, Plan},
    job::{JobExecutionResult, JobHandle, JobProgram, MiniCluster, SimulatedCluster},
};

/// Where a program's jobs run: in this process.
///
/// Describe streams from the sources it offers, end them in sinks, then
/// [`StreamExecutionEnvironment::execute`]. Memory is mapped and threads are
/// started by the first job and serve all that follow.
pub struct StreamExecutionEnvironment {
    pub(super) program: Program,
    config: Configuration,
    mode: RuntimeMode,
    cluster: RefCell<Option<Arc<MiniCluster>>>,
}

impl StreamExecutionEnvironment {
    /// An environment with the configuration that the process's environment names
    /// (`FLINK_CONF_DIR`, `FLINK_PROPERTIES`), else with defaults.
    ///
    /// # Errors
    /// If that configuration is wrong.
    pub fn new() -> Result<Self, Error> {
        let config = Configuration::from_environment(|name| std::env::var(name).ok())?;
        Self::with_configuration(config)
    }

    /// An environment from this program's arguments, and the arguments that are
    /// left for the program itself. Understood are `-Dkey=value`, `--config FILE`,
    /// `--parallelism N` and `--json`; see [`Arguments`].
    ///
    /// # Errors
    /// If an argument or the configuration is wrong.
    pub fn from_args() -> Result<(Self, Arguments), Error> {
        let arguments = Arguments::parse(std::env::args_os().skip(1))?;
        Ok((Self::with_configuration(arguments.configuration.clone())?, arguments))
    }

    /// An environment with this configuration.
    ///
    /// # Errors
    /// If a key that decides how the program is described is wrong.
    pub fn with_configuration(config: Configuration) -> Result<Self, Error> {
        let parallelism = match config.contains(&core::DEFAULT_PARALLELISM) {
            true => config.get(&core::DEFAULT_PARALLELISM)?,
            false => thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        };
        let max_parallelism = match config.get(&pipeline::MAX_PARALLELISM)? {
            pipeline::MaxParallelism::Derived => None,
            pipeline::MaxParallelism::Fixed(groups) => Some(MaxParallelism(groups)),
        };
        let mode = config.get(&execution::RUNTIME_MODE)?;
        let interval = config.get(&pipeline::AUTO_WATERMARK_INTERVAL)?;
        let program = Program::new(GraphSettings {
            parallelism: Parallelism(parallelism),
            max_parallelism,
            chaining: config.get(&pipeline::OPERATOR_CHAINING)?,
            auto_generate_uids: config.get(&pipeline::AUTO_GENERATE_UIDS)?,
            job_type: match mode {
                RuntimeMode::Streaming => JobType::Streaming,
                RuntimeMode::Batch | RuntimeMode::Automatic => JobType::Batch,
            },
            auto_watermark_interval: (!interval.is_zero()).then_some(interval),
            ..GraphSettings::default()
        });
        Ok(Self { program, config, mode, cluster: RefCell::new(None) })
    }

    /// Runs the jobs of this environment on a cluster that others use too.
    pub fn on_cluster(self, cluster: Arc<MiniCluster>) -> Self {
        *self.cluster.borrow_mut() = Some(cluster);
        self
    }

    /// The configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.config
    }

    /// Sets the parallelism of operators that set none.
    pub fn set_parallelism(&self, parallelism: u32) {
        self.program.change_settings(|settings| settings.parallelism = Parallelism(parallelism));
    }

    /// The parallelism of operators that set none.
    pub fn parallelism(&self) -> u32 {
        self.program.settings().parallelism.0
    }

    /// Sets the number of key groups of operators that set none.
    pub fn set_max_parallelism(&self, max_parallelism: u32) {
        self.program.change_settings(|settings| {
            settings.max_parallelism = Some(MaxParallelism(max_parallelism));
        });
    }

    /// Sets the time between two watermarks of a periodic generator, for the streams that are
    /// given timestamps from here on; zero turns such watermarks off.
    pub fn set_auto_watermark_interval(&self, interval: Duration) {
        self.program.change_settings(|settings| {
            settings.auto_watermark_interval = (!interval.is_zero()).then_some(interval);
        });
    }

    /// Takes a checkpoint of each job from here on every `interval`, and restarts a job that fails
    /// from its last one (`restart-strategy.type`; by default after ever longer times). Batch jobs
    /// take none.
    ///
    /// Where checkpoints go, how long they may take and the rest is configuration, see
    /// [`StreamExecutionEnvironment::set`] and `docs/checkpoints.md`.
    pub fn enable_checkpointing(&mut self, interval: Duration) {
        self.set(checkpointing::INTERVAL.key(), render_duration(interval));
    }

    /// Keeps checkpoints in files below this folder.
    pub fn set_checkpoint_directory(&mut self, folder: &str) {
        self.set(checkpointing::DIR.key(), folder);
    }

    /// Begins the jobs from here on with this checkpoint or savepoint: its folder, or the
    /// `_metadata` file in it. Each operator finds its state by its id, which comes from its uid.
    /// What the program no longer has is an error, unless
    /// `execution.state-recovery.ignore-unclaimed-state` is set.
    pub fn restore_from(&mut self, path: &str, claim: ClaimMode) {
        let claim = match claim {
            ClaimMode::Claim => "CLAIM",
            ClaimMode::NoClaim => "NO_CLAIM",
        };
        self.set(state::RECOVERY_PATH.key(), path).set(state::CLAIM_MODE.key(), claim);
    }

    /// Sets a key that jobs read when they are submitted, such as those of checkpoints and restarts,
    /// or that the cluster reads when it starts with the first job. The defaults of operators were
    /// read when the environment was made.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.config.set(key, value);
        self
    }

    /// Puts every operator into a task of its own.
    pub fn disable_operator_chaining(&self) {
        self.program.change_settings(|settings| settings.chaining = false);
    }

    /// Sets whether jobs run as a stream or in batch mode, where keyed
    /// aggregations emit each key's result once, at the end. To be called before
    /// the operators it concerns.
    pub fn set_runtime_mode(&mut self, mode: RuntimeMode) {
        self.mode = mode;
        self.settle_mode();
    }

    pub(super) fn settle_mode(&self) {
        let batch = match self.mode {
            RuntimeMode::Streaming => false,
            RuntimeMode::Batch => true,
            RuntimeMode::Automatic => self.program.all_bounded(),
        };
        let job_type = if batch { JobType::Batch } else { JobType::Streaming };
        self.program.set_job_type(job_type);
    }

    /// The plan of what was described so far, as JSON.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn execution_plan(&self) -> Result<String, Error> {
        let graph = self.program.job_graph(&self.default_name()?)?;
        let plan = Plan::build(JobId::from_bytes([0; 16]), &graph);
        serde_json::to_string(&plan).map_err(|error| Error::Program(error.to_string()))
    }

    /// The job graph of what was described so far.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn job_graph(&self) -> Result<JobGraph, Error> {
        self.program.job_graph(&self.default_name()?)
    }

    fn default_name(&self) -> Result<String, Error> {
        let name = self.config.get(&pipeline::NAME)?;
        Ok(name.unwrap_or_else(|| GraphSettings::default().job_name))
    }

    /// Runs what was described so far and waits for its end.
    ///
    /// # Errors
    /// If the program, the configuration or the memory does not allow the job, or
    /// the job fails.
    pub fn execute(&self, job_name: &str) -> Result<JobExecutionResult, Error> {
        self.execute_async(job_name)?.wait()
    }

    /// Runs what was described so far and returns at once.
    ///
    /// # Errors
    /// If the program, the configuration or the memory does not allow the job.
    pub fn execute_async(&self, job_name: &str) -> Result<JobHandle, Error> {
        let program = self.take(job_name)?;
        // The cluster stays for later jobs: those of the environment's own parallelism fit in.
        let slots = SlotPlan::build(&program.graph).slots().max(self.parallelism());
        let cluster = self.cluster(NonZeroU32::new(slots).unwrap_or(NonZeroU32::MIN))?;
        cluster.submit(program)
    }

    /// Runs what was described so far in a simulation and steps that to the job's end.
    ///
    /// # Errors
    /// As [`StreamExecutionEnvironment::execute`].
    pub fn execute_on(
        &self,
        cluster: &mut SimulatedCluster,
        job_name: &str,
    ) -> Result<JobExecutionResult, Error> {
        let handle = self.submit_to(cluster, job_name)?;
        cluster.finish(handle)
    }

    /// Submits what was described so far to a simulation, which runs as it is stepped.
    ///
    /// # Errors
    /// As [`StreamExecutionEnvironment::execute_async`].
    pub fn submit_to(
        &self,
        cluster: &mut SimulatedCluster,
        job_name: &str,
    ) -> Result<JobHandle, Error> {
        cluster.submit(self.take(job_name)?)
    }

    fn take(&self, job_name: &str) -> Result<JobProgram, Error> {
        let name = if job_name.is_empty() { self.default_name()? } else { job_name.to_string() };
        self.program.take(&name, &self.config)
    }

    /// The cluster, started for `slots` slots if there is none yet.
    fn cluster(&self, slots: NonZeroU32) -> Result<Arc<MiniCluster>, Error> {
        let mut cluster = self.cluster.borrow_mut();
        if let Some(cluster) = &*cluster {
            return Ok(Arc::clone(cluster));
        }
        let started = MiniCluster::start(&self.config, slots)?;
        Ok(Arc::clone(cluster.insert(started)))
    }
}

impl fmt::Debug for StreamExecutionEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamExecutionEnvironment").finish_non_exhaustive()
    }
}
