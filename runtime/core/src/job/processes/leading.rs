//! What the first process knows of the others.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use super::{
    ProcessIndex, Report, WorkerAddress,
    link::LinkError,
    message::{SentEnd, SentError, TaskReportBody},
    others::Member,
    switchboard::LinkNumber,
    thread::address_of,
};
use crate::{
    error::Error,
    graph::JobId,
    job::{
        control_plane::{ControlSender, JobNotice},
        master::{EndedTask, ProcessLost},
    },
    task::TaskKey,
    worker::{TaskEnd, TaskReport},
};

/// Another process.
#[derive(Debug)]
struct Known {
    index: ProcessIndex,
    /// `None` before its Hello.
    workers: Option<Vec<WorkerAddress>>,
}

/// The other processes.
#[derive(Debug)]
pub(super) struct Leading {
    /// How many there are to be.
    expected: u32,
    known: BTreeMap<LinkNumber, Known>,
    lost: BTreeMap<ProcessIndex, ProcessLost>,
}

impl Leading {
    pub(super) fn new(expected: u32) -> Self {
        Self { expected, known: BTreeMap::new(), lost: BTreeMap::new() }
    }

    /// A process has shown that it knows the secret; false if there is one of this number.
    pub(super) fn establish(&mut self, number: LinkNumber, index: ProcessIndex) -> bool {
        let is_taken = self.known.values().any(|known| known.index == index);
        if is_taken || index == ProcessIndex::LEADER || self.lost.contains_key(&index) {
            return false;
        }
        self.known.insert(number, Known { index, workers: None });
        true
    }

    /// A process has said where its workers are.
    pub(super) fn hello(&mut self, number: LinkNumber, workers: Vec<WorkerAddress>) {
        if let Some(known) = self.known.get_mut(&number) {
            known.workers = Some(workers);
        }
    }

    /// Whether all are there.
    pub(super) fn is_complete(&self) -> bool {
        self.members().len() == self.expected as usize
    }

    /// Those that are not there, in words.
    pub(super) fn missing(&self) -> String {
        let members = self.members();
        let is_there = |index| members.iter().any(|member| member.index == index);
        let all = (1..=self.expected).map(ProcessIndex);
        let missing: Vec<String> =
            all.filter(|index| !is_there(*index)).map(|index| index.to_string()).collect();
        missing.join(", ")
    }

    /// Those that are there, in order.
    pub(super) fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = self
            .known
            .values()
            .filter_map(|known| {
                Some(Member { index: known.index, workers: known.workers.clone()? })
            })
            .collect();
        members.sort_by_key(|member| member.index);
        members
    }

    /// Their connections.
    pub(super) fn links(&self) -> Vec<LinkNumber> {
        self.known.keys().copied().collect()
    }

    /// The connection of a process.
    pub(super) fn link_of(&self, process: ProcessIndex) -> Option<LinkNumber> {
        let found = self.known.iter().find(|(_, known)| known.index == process);
        found.map(|(number, _)| *number)
    }

    /// Passes on what a process reports of a job.
    pub(super) fn report(
        &self,
        (number, job): (LinkNumber, JobId),
        report: Report,
        control: &ControlSender,
    ) {
        let Some(known) = self.known.get(&number) else { return };
        let notice = match report {
            Report::Deployed(attempt, worker) => JobNotice::Deployed(attempt, worker),
            Report::TaskEnded { attempt, task, body, end } => {
                let end = match end {
                    SentEnd::Finished => TaskEnd::Finished,
                    SentEnd::Canceled => TaskEnd::Canceled,
                    SentEnd::Failed(error) => TaskEnd::Failed(known.error(error)),
                };
                let report = report_of(body);
                JobNotice::TaskEnded(Box::new(EndedTask { attempt, task, report, end }))
            }
            Report::Acknowledged { id, task, snapshot } => {
                JobNotice::Acknowledged { id, task, snapshot }
            }
            Report::Declined { id, task, reason } => JobNotice::Declined { id, task, reason },
            Report::Prepared { id, ready } => JobNotice::Prepared { id, ready },
        };
        control.notify(job, notice);
    }

    /// A connection is over; false if it was of no process.
    pub(super) fn lose(
        &mut self,
        number: LinkNumber,
        (peer, error): (SocketAddr, &LinkError),
        control: &ControlSender,
    ) -> bool {
        let Some(known) = self.known.remove(&number) else { return false };
        let Some(workers) = known.workers else { return false };
        let lost = ProcessLost {
            process: known.index,
            address: address_of(&workers, peer),
            cause: Arc::from(error.to_string()),
        };
        self.lost.insert(known.index, lost.clone());
        control.process_lost(lost);
        true
    }

    /// Somebody wanted to tell a process that is gone.
    pub(super) fn tell_lost(&self, process: ProcessIndex, job: JobId, control: &ControlSender) {
        if let Some(lost) = self.lost.get(&process) {
            control.notify(job, JobNotice::ProcessLost(lost.clone()));
        }
    }
}

impl Known {
    fn error(&self, SentError { severity, text }: SentError) -> Error {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = address_of(self.workers.as_deref().unwrap_or_default(), unknown);
        Error::Elsewhere { process: self.index.0, address, severity, cause: text }
    }
}

/// The master knows the task by its number.
fn report_of(body: TaskReportBody) -> TaskReport {
    let TaskReportBody { counts, times, accumulators } = body;
    TaskReport { key: TaskKey(u64::MAX), counts, times, accumulators }
}
