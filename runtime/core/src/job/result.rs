//! What a finished job leaves behind.

use std::time::Duration;

use super::master::JobShared;
use crate::{
    error::Error,
    graph::JobId,
    task::accumulator::AccumulatorResults,
    task::{SubtaskPlan, TaskCounts, TaskTimes},
    worker::TaskReport,
};

/// The result of a job that finished.
#[derive(Debug)]
pub struct JobExecutionResult {
    /// The job's id.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: String,
    /// From submission to the end of the last task.
    pub net_runtime: Duration,
    /// The accumulators, merged over all subtasks.
    pub accumulators: AccumulatorResults,
    /// What each task did.
    pub tasks: Vec<TaskResult>,
}

impl JobExecutionResult {
    /// From the reports of all tasks, in order.
    pub(super) fn of(
        job: &JobShared,
        net_runtime: Duration,
        mut reports: Vec<TaskReport>,
    ) -> Result<Self, Error> {
        let accumulators = merged_accumulators(&mut reports)?;
        let current = job.current();
        let tasks = reports.into_iter().zip(current.plans.iter());
        Ok(Self {
            job_id: job.id,
            job_name: job.name.clone(),
            net_runtime,
            accumulators,
            tasks: tasks.map(|(report, plan)| TaskResult::new(plan, report)).collect(),
        })
    }

    /// The share of their time that tasks were busy, over all tasks, from 0 to 1.
    pub fn busy_ratio(&self) -> f64 {
        let total = self.tasks.iter().fold(TaskTimes::default(), |sum, task| TaskTimes {
            busy_ns: sum.busy_ns + task.times.busy_ns,
            idle_ns: sum.idle_ns + task.times.idle_ns,
            backpressured_ns: sum.backpressured_ns + task.times.backpressured_ns,
        });
        total.busy_ratio()
    }
}

/// What one task did.
#[derive(Clone, Debug)]
pub struct TaskResult {
    /// The name of its chain.
    pub task: String,
    /// Which of the parallel instances, from 0.
    pub subtask: u32,
    /// Its counts.
    pub counts: TaskCounts,
    /// Its times.
    pub times: TaskTimes,
}

impl TaskResult {
    pub(super) fn new(plan: &SubtaskPlan, report: TaskReport) -> Self {
        let TaskReport { counts, times, .. } = report;
        Self { task: plan.task.to_string(), subtask: plan.subtask, counts, times }
    }
}

/// The accumulators of all tasks, merged by name.
fn merged_accumulators(reports: &mut [TaskReport]) -> Result<AccumulatorResults, Error> {
    let snapshots = reports.iter_mut().map(|report| std::mem::take(&mut report.accumulators));
    Ok(AccumulatorResults::merge(snapshots)?)
}
