//! The thread of the control connections, and how others reach it.

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use brisk_memory::driver::{Doorbell, Driver, DriverKind, DriverOptions};

use super::{
    Order, ProcessIndex, ProcessSettings, Report, WorkerAddress,
    following::FollowedJob,
    others::{Member, Others},
    switchboard::{Switchboard, SwitchboardParts},
};
use crate::{error::Error, graph::JobId, job::control_plane::ControlSender};

const NAME: &str = "brisk-processes";

/// What the thread hears.
pub(super) enum Notice {
    /// Take part in this job.
    Follow(Box<FollowedJob>),
    /// Something happened here to a job that is led elsewhere.
    Report(JobId, Report),
    /// Tell another process.
    Tell(ProcessIndex, JobId, Order),
    /// Send what is left, and end.
    Shutdown,
}

/// Reaches the thread from any other; never blocks for longer than a push.
#[derive(Clone)]
pub(in crate::job) struct GroupSender {
    index: ProcessIndex,
    notices: Arc<Mutex<VecDeque<Notice>>>,
    doorbell: Doorbell,
}

impl GroupSender {
    fn push(&self, notice: Notice) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push_back(notice);
        self.doorbell.ring();
    }

    /// Which process this is.
    pub(super) fn index(&self) -> ProcessIndex {
        self.index
    }

    /// Takes part in a job.
    pub(in crate::job) fn follow(&self, job: FollowedJob) {
        self.push(Notice::Follow(Box::new(job)));
    }

    pub(super) fn report(&self, job: JobId, report: Report) {
        self.push(Notice::Report(job, report));
    }

    pub(super) fn tell(&self, process: ProcessIndex, job: JobId, order: Order) {
        self.push(Notice::Tell(process, job, order));
    }

    /// All notices so far.
    pub(super) fn take(&self) -> VecDeque<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for GroupSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupSender").field("index", &self.index).finish_non_exhaustive()
    }
}

/// All processes know each other.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    /// What names of jobs are made from.
    pub(super) seed: u128,
    /// The others, if this process leads.
    pub(super) members: Vec<Member>,
}

/// This process's part in a group of them. Dropping it ends the thread and waits for it.
pub(in crate::job) struct ProcessGroup {
    sender: GroupSender,
    members: Arc<[Member]>,
    /// The name of the next job.
    next_job: Mutex<u128>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ProcessGroup {
    /// Starts the thread and waits until all processes are there.
    ///
    /// # Errors
    /// If they are not in time, or don't know the same secret.
    pub(in crate::job) fn start(
        settings: ProcessSettings,
        workers: Vec<WorkerAddress>,
        control: ControlSender,
    ) -> Result<Self, Error> {
        let failed = |cause: String| Error::Start { what: format!("the thread {NAME}"), cause };
        let (sender_of, sender) = mpsc::channel();
        let (joined, receiver) = mpsc::channel();
        let patience = settings.patience;
        let parts = SwitchboardParts { settings, workers, control, joined };
        let thread = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || run(parts, &sender_of))
            .map_err(|error| failed(error.to_string()))?;
        let sender = match sender.recv() {
            Ok(sender) => sender?,
            Err(_) => return Err(failed("it ended at once".to_owned())),
        };
        let mut group =
            Self { sender, members: Arc::from([]), next_job: Mutex::new(0), thread: Some(thread) };
        // The thread has a time limit of its own, and says more.
        let joined = receiver.recv_timeout(patience + Duration::from_secs(10));
        let Joined { seed, members } = joined.map_err(|error| failed(error.to_string()))??;
        group.members = members.into();
        group.next_job = Mutex::new(seed);
        Ok(group)
    }

    /// The name of the next job: the same in all processes.
    pub(in crate::job) fn next_job(&self) -> JobId {
        let mut next = self.next_job.lock().unwrap_or_else(PoisonError::into_inner);
        *next = next.wrapping_add(1);
        JobId::from_bytes(next.to_le_bytes())
    }

    /// The others, for a job that is led here.
    pub(in crate::job) fn others(&self) -> Others {
        Others { sender: self.sender.clone(), members: Arc::clone(&self.members) }
    }

    pub(in crate::job) fn sender(&self) -> &GroupSender {
        &self.sender
    }

    /// Whether this process has the masters.
    pub(in crate::job) fn leads(&self) -> bool {
        self.sender.index == ProcessIndex::LEADER
    }
}

fn run(parts: SwitchboardParts, started: &mpsc::Sender<Result<GroupSender, Error>>) {
    // Seldom used: the backend that needs least, and no spinning.
    let (kind, spin) = (DriverKind::Epoll, Duration::ZERO);
    let driver = Driver::new(DriverOptions { kind, spin, ..DriverOptions::default() });
    let made = driver
        .map_err(|error| Error::Start {
            what: format!("the driver of {NAME}"),
            cause: error.to_string(),
        })
        .and_then(|driver| {
            let sender = GroupSender {
                index: parts.settings.index,
                notices: Arc::default(),
                doorbell: driver.doorbell(),
            };
            let board = Switchboard::new(driver, parts, sender.clone())?;
            Ok((board, sender))
        });
    let mut board = match made {
        Ok((board, sender)) => {
            if started.send(Ok(sender)).is_err() {
                return;
            }
            board
        }
        Err(error) => {
            // The starter waits for this, so it is there.
            let _ = started.send(Err(error));
            return;
        }
    };
    // Jobs would wait for other processes for ever.
    if catch_unwind(AssertUnwindSafe(|| while board.turn() {})).is_err() {
        tracing::error!("a bug in the connections between processes: the process is aborted");
        std::process::abort();
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.sender.push(Notice::Shutdown);
        let Some(thread) = self.thread.take() else { return };
        // The last handle of a cluster may be its last job's.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the thread {NAME} panicked");
        }
    }
}

impl fmt::Debug for ProcessGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessGroup").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// Where a process is reached, as errors name it: its first worker.
pub(super) fn address_of(workers: &[WorkerAddress], otherwise: SocketAddr) -> SocketAddr {
    workers.first().map_or(otherwise, |(_, address)| *address)
}
