//! The other processes, as a job's master sees them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use super::{
    DeployOrder, Order, ProcessIndex, WorkerAddress,
    message::{JobOver, SentError},
    thread::GroupSender,
};
use crate::{
    checkpoint::{coordinator::RestorePoint, metadata},
    error::Error,
    graph::{JobGraph, JobId, TaskId},
    job::{JobExecutionResult, JobProgram, deployment::Places},
    task::Attempt,
    worker::{TaskReport, WorkerHandle},
};

/// A process that has joined.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) index: ProcessIndex,
    pub(super) workers: Vec<WorkerAddress>,
}

/// The other processes that take part in a job.
#[derive(Clone)]
pub(in crate::job) struct Others {
    pub(super) sender: GroupSender,
    /// In order.
    pub(super) members: Arc<[Member]>,
}

impl Others {
    /// How many they are.
    pub(in crate::job) fn count(&self) -> usize {
        self.members.len()
    }

    /// The workers of each.
    pub(in crate::job) fn workers(&self) -> Vec<Vec<WorkerAddress>> {
        self.members.iter().map(|member| member.workers.clone()).collect()
    }

    /// Tells all of them.
    pub(in crate::job) fn tell_all(&self, job: JobId, order: impl Fn() -> Order) {
        for member in self.members.iter() {
            self.sender.tell(member.index, job, order());
        }
    }

    /// Has them make room for their tasks of a run.
    pub(in crate::job) fn deploy(
        &self,
        job: JobId,
        (program, attempt): (&JobProgram, Attempt),
        (places, here, from): (&Places, &[WorkerHandle], &RestorePoint),
    ) {
        let address = |task: TaskId| {
            let own = || here.iter().find(|worker| worker.id == places.of(task))?.data;
            places.elsewhere(task).or_else(own).expect("every worker listens")
        };
        let tasks = (0..places.workers.len() as u32).map(TaskId);
        let order = DeployOrder {
            fingerprint: fingerprint(&program.graph),
            attempt,
            places: tasks.map(|task| (places.of(task), address(task))).collect(),
            from: match from {
                RestorePoint::Beginning | RestorePoint::Undecided(_) => None,
                RestorePoint::Checkpoint { checkpoint, location } => {
                    Some((metadata::encode(checkpoint), location.clone()))
                }
            },
        };
        self.tell_all(job, || Order::Deploy(order.clone()));
    }

    /// Tells them that the job has finished.
    pub(in crate::job) fn tell_finished(
        &self,
        job: JobId,
        (runtime, reports): (Duration, &[TaskReport]),
    ) {
        let body = |report: &TaskReport| super::message::TaskReportBody {
            counts: report.counts,
            times: report.times,
            accumulators: report.accumulators.clone(),
        };
        self.tell_all(job, || Order::Finished(runtime, reports.iter().map(body).collect()));
    }

    /// Tells them how the job has ended, if it did not finish.
    pub(in crate::job) fn tell_over(&self, job: JobId, result: &Result<JobExecutionResult, Error>) {
        let Err(error) = result else { return };
        self.tell_all(job, || match error {
            Error::Canceled { .. } => Order::Over(JobOver::Canceled),
            error => {
                let (severity, text) = (error.severity(), error.to_string());
                Order::Over(JobOver::Failed(SentError { severity, text }))
            }
        });
    }
}

/// Tells graphs apart. All processes run the same executable, so its hash is the same in all.
pub(super) fn fingerprint(graph: &JobGraph) -> u64 {
    let mut hasher = DefaultHasher::new();
    graph.name().hash(&mut hasher);
    for vertex in graph.vertices() {
        (&vertex.name, vertex.parallelism.0, vertex.max_parallelism.0).hash(&mut hasher);
        vertex.chain.iter().for_each(|node| graph.operator_id(*node).hash(&mut hasher));
    }
    for edge in graph.edges() {
        (edge.id, edge.from.as_index(), edge.to.as_index()).hash(&mut hasher);
        format!("{:?}", edge.exchange).hash(&mut hasher);
    }
    hasher.finish()
}
