//! The control connections of a process: what comes and what goes.
//!
//! ```text
//!   leads:    accepts, waits for a Hello of each, then passes orders out and reports in
//!   follows:  connects, again and again until its time is over; then orders in and reports out
//! ```

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::mpsc,
    time::Duration,
};

use brisk_memory::driver::{
    CloseKind, Completion, ConnectOptions, Driver, Instant64, Listener, Operation, OperationId,
    Socket,
};
use brisk_network::{
    ChannelIndex,
    wire::{AttemptId, JobId as WireJob, PartitionAddress, PartitionId, handshake::Handshake},
};

use super::{
    Order, ProcessIndex, ProcessSettings, WorkerAddress,
    following::FollowedJob,
    leading::Leading,
    link::{ControlLink, Heard, LinkError},
    message::Message,
    thread::{GroupSender, Joined, Notice},
};
use crate::{error::Error, graph::JobId, job::control_plane::ControlSender, job::fresh_nonce};

/// Between two attempts to reach the leader.
const CONNECT_AGAIN: Duration = Duration::from_millis(100);
/// Attempts to reach the leader may take so long each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Orders of jobs that are not submitted here yet; a run has three before its first report.
const EARLY_MAX: usize = 64;
/// What is left to say when the process ends has so long.
const FAREWELL: Duration = Duration::from_secs(5);

/// Numbers a control connection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LinkNumber(u64);

#[derive(Clone, Copy, Debug)]
enum Purpose {
    Accept,
    Connect,
    Of(LinkNumber),
    Close,
}

/// What [`Switchboard::new`] needs.
pub(super) struct SwitchboardParts {
    pub(super) settings: ProcessSettings,
    /// Those of this process.
    pub(super) workers: Vec<WorkerAddress>,
    /// The masters, if this process has them.
    pub(super) control: ControlSender,
    /// Hears once when all processes are there.
    pub(super) joined: mpsc::Sender<Result<Joined, Error>>,
}

/// What this process has to do with the others.
enum Role {
    Leads { listener: Listener, leading: Leading },
    Follows(Following),
}

#[derive(Default)]
struct Following {
    link: Option<LinkNumber>,
    connect_at: Option<Instant64>,
    /// Why the last attempt to connect failed.
    refused: Option<String>,
    jobs: BTreeMap<JobId, FollowedJob>,
    early: BTreeMap<JobId, Vec<Order>>,
    /// The leader is gone.
    lost: Option<String>,
}

/// The control connections of a process.
pub(super) struct Switchboard {
    driver: Driver,
    parts: SwitchboardParts,
    notices: GroupSender,
    role: Role,
    links: BTreeMap<LinkNumber, ControlLink>,
    next_link: u64,
    operations: HashMap<OperationId, Purpose>,
    completions: Vec<Completion>,
    /// By when all processes have to be there; `None` when they are.
    join_by: Option<Instant64>,
    end_by: Option<Instant64>,
}

impl Switchboard {
    pub(super) fn new(
        driver: Driver,
        parts: SwitchboardParts,
        notices: GroupSender,
    ) -> Result<Self, Error> {
        let settings = &parts.settings;
        let now = driver.now();
        let role = if settings.leads() {
            let at = settings.leader;
            let listener = driver.sockets().listen(at, &settings.socket());
            let listener = listener.map_err(|error| Error::Processes {
                what: format!("listening for the other processes at {at}"),
                cause: format!("{error}; choose another jobmanager.rpc.port"),
            })?;
            Role::Leads { listener, leading: Leading::new(settings.count - 1) }
        } else {
            Role::Follows(Following { connect_at: Some(now), ..Following::default() })
        };
        let join_by = Some(now + settings.patience);
        let mut board = Self {
            driver,
            parts,
            notices,
            role,
            links: BTreeMap::new(),
            next_link: 0,
            operations: HashMap::new(),
            completions: Vec::new(),
            join_by,
            end_by: None,
        };
        board.accept();
        Ok(board)
    }

    /// Takes one turn and waits for the next; false when it was the last.
    pub(super) fn turn(&mut self) -> bool {
        for notice in self.notices.take() {
            self.hear_notice(notice);
        }
        self.driver.poll(&mut self.completions);
        let completions = std::mem::take(&mut self.completions);
        let worked = !completions.is_empty();
        for completion in completions {
            self.completed(completion);
        }
        self.connect();
        self.give_up();
        for (number, link) in &mut self.links {
            let submitted = link.submit(&mut self.driver);
            self.operations.extend(submitted.map(|id| (id, Purpose::Of(*number))));
        }
        if self.is_over() {
            return false;
        }
        if !worked {
            let connect_at = match &self.role {
                Role::Follows(following) => following.connect_at,
                Role::Leads { .. } => None,
            };
            let times = [connect_at, self.join_by, self.end_by];
            let until = times.into_iter().flatten().min();
            self.driver.park(until, &mut self.completions);
        }
        true
    }

    fn is_over(&self) -> bool {
        let Some(end_by) = self.end_by else { return false };
        let sent = self.links.values().filter(|link| link.is_established());
        sent.clone().all(ControlLink::is_drained) || self.driver.now() >= end_by
    }

    fn hear_notice(&mut self, notice: Notice) {
        match (notice, &mut self.role) {
            (Notice::Shutdown, _) => self.end_by = Some(self.driver.now() + FAREWELL),
            (Notice::Follow(job), Role::Follows(following)) => {
                let id = job.id();
                following.jobs.insert(id, *job);
                for order in following.early.remove(&id).unwrap_or_default() {
                    self.obey(id, order);
                }
                self.lose_jobs();
            }
            (Notice::Report(id, report), Role::Follows(following)) => {
                let ended = following.jobs.get_mut(&id).is_some_and(|job| job.note(&report));
                if let Some(link) = following.link.and_then(|link| self.links.get_mut(&link)) {
                    link.send(&Message::Report(id, report));
                }
                self.end_job(id, ended);
            }
            (Notice::Tell(process, job, order), Role::Leads { leading, .. }) => {
                match leading.link_of(process).and_then(|link| self.links.get_mut(&link)) {
                    Some(link) => link.send(&Message::Order(job, order)),
                    None => leading.tell_lost(process, job, &self.parts.control),
                }
            }
            (Notice::Follow(_) | Notice::Report(..), Role::Leads { .. })
            | (Notice::Tell(..), Role::Follows(_)) => unreachable!("that is the other role's"),
        }
    }

    fn accept(&mut self) {
        if let Role::Leads { listener, .. } = &self.role {
            let id = self.driver.submit(Operation::Accept { listener: listener.clone() });
            self.operations.insert(id, Purpose::Accept);
        }
    }

    /// Tries to reach the leader, when it is time.
    fn connect(&mut self) {
        let Role::Follows(following) = &mut self.role else { return };
        if following.connect_at.is_none_or(|at| at > self.driver.now()) {
            return;
        }
        following.connect_at = None;
        let (to, socket) = (self.parts.settings.leader, self.parts.settings.socket());
        let options = ConnectOptions { to, timeout: CONNECT_TIMEOUT, socket };
        let id = self.driver.submit(Operation::Connect { options });
        self.operations.insert(id, Purpose::Connect);
    }

    /// Ends the wait for processes that don't come.
    fn give_up(&mut self) {
        if self.join_by.is_none_or(|at| at > self.driver.now()) {
            return;
        }
        let what = format!("waiting {} s for the others", self.parts.settings.patience.as_secs());
        let cause = match &self.role {
            Role::Leads { leading, .. } => format!(
                "{} are missing; they connect to {} (taskmanager.registration.timeout)",
                leading.missing(),
                self.parts.settings.leader
            ),
            Role::Follows(Following { refused: Some(cause), .. }) => cause.clone(),
            Role::Follows(_) => "not all processes have come".to_owned(),
        };
        self.join(Err(Error::Processes { what, cause }));
    }

    /// Says once whether all processes are there.
    fn join(&mut self, joined: Result<Joined, Error>) {
        if self.join_by.take().is_some() {
            // Who waits for it has a time limit.
            let _ = self.parts.joined.send(joined);
        }
    }

    fn completed(&mut self, completion: Completion) {
        match self.operations.remove(&completion.id) {
            Some(Purpose::Accept) => {
                if let Some(socket) = completion.socket {
                    let secret = self.parts.settings.secret.clone();
                    self.add_link(ControlLink::new(
                        socket,
                        Handshake::accept(secret, fresh_nonce()),
                        None,
                    ));
                }
                self.accept();
            }
            Some(Purpose::Connect) => self.connected(completion),
            Some(Purpose::Of(number)) => {
                let Some(link) = self.links.get_mut(&number) else { return };
                let mut heard = Vec::new();
                let outcome = link.completed(completion, &mut heard);
                for heard in heard {
                    self.hear(number, heard);
                }
                if let Err(error) = outcome {
                    self.lose(number, &error);
                }
            }
            Some(Purpose::Close) | None => {}
        }
    }

    fn connected(&mut self, completion: Completion) {
        let Some(socket) = completion.socket else {
            let again = self.driver.now() + CONNECT_AGAIN;
            if let (Role::Follows(following), Err(error)) = (&mut self.role, completion.result) {
                following.refused = Some(error.to_string());
                following.connect_at = Some(again).filter(|_| self.join_by.is_some());
            }
            return;
        };
        let settings = &self.parts.settings;
        let subject = PartitionAddress {
            job: WireJob(0),
            attempt: AttemptId(0),
            partition: PartitionId(0),
            consumer: ChannelIndex(settings.index.0),
        };
        let (handshake, hello) =
            Handshake::initiate(settings.secret.clone(), fresh_nonce(), subject);
        let number = self.add_link(ControlLink::new(socket, handshake, Some(hello)));
        if let Role::Follows(following) = &mut self.role {
            following.link = Some(number);
        }
    }

    fn add_link(&mut self, link: ControlLink) -> LinkNumber {
        let number = LinkNumber(self.next_link);
        self.next_link += 1;
        self.links.insert(number, link);
        number
    }

    fn hear(&mut self, number: LinkNumber, heard: Heard) {
        let Some(link) = self.links.get_mut(&number) else { return };
        match (heard, &mut self.role) {
            (Heard::Established(subject), Role::Leads { leading, .. }) => {
                let index = ProcessIndex(subject.consumer.0);
                let is_known = index.0 < self.parts.settings.count;
                if !is_known || !leading.establish(number, index) {
                    let peer = link.peer();
                    tracing::warn!(%peer, "there is a {index} already, or there are fewer");
                    self.drop_link(number);
                }
            }
            (Heard::Established(_), Role::Follows(_)) => {
                link.send(&Message::Hello(self.parts.workers.clone()));
            }
            (Heard::Message(Message::Hello(workers)), Role::Leads { leading, .. }) => {
                leading.hello(number, workers);
                if leading.is_complete() && self.join_by.is_some() {
                    let (high, low) = (crate::job::random_word(), crate::job::random_word());
                    let seed = (u128::from(high) << 64) | u128::from(low);
                    let members = leading.members();
                    for number in leading.links() {
                        if let Some(link) = self.links.get_mut(&number) {
                            link.send(&Message::Welcome(seed));
                        }
                    }
                    self.join(Ok(Joined { seed, members }));
                }
            }
            (Heard::Message(Message::Report(job, report)), Role::Leads { leading, .. }) => {
                leading.report((number, job), report, &self.parts.control);
            }
            (Heard::Message(Message::Welcome(seed)), Role::Follows(_)) => {
                self.join(Ok(Joined { seed, members: Vec::new() }));
            }
            (Heard::Message(Message::Order(job, order)), Role::Follows(_)) => {
                self.obey(job, order);
            }
            (Heard::Message(_), _) => {
                let error = LinkError::Message("a message of the other role".to_owned());
                self.lose(number, &error);
            }
        }
    }

    fn obey(&mut self, id: JobId, order: Order) {
        let Role::Follows(following) = &mut self.role else { return };
        if let Some(job) = following.jobs.get_mut(&id) {
            let ended = job.obey(order, self.parts.settings.leader);
            return self.end_job(id, ended);
        }
        let early = following.early.entry(id).or_default();
        let begins = !early.is_empty() || matches!(order, Order::Deploy(_));
        if begins && early.len() < EARLY_MAX {
            early.push(order);
        } else if early.is_empty() {
            following.early.remove(&id);
        }
    }

    fn end_job(&mut self, id: JobId, ended: bool) {
        if let Role::Follows(following) = &mut self.role
            && ended
            && let Some(job) = following.jobs.remove(&id)
        {
            job.finish();
        }
    }

    /// A connection is over.
    fn lose(&mut self, number: LinkNumber, error: &LinkError) {
        let Some(link) = self.links.get(&number) else { return };
        let peer = link.peer();
        match &mut self.role {
            Role::Leads { leading, .. } => {
                if !leading.lose(number, (peer, error), &self.parts.control) {
                    tracing::warn!(%peer, %error, "a connection of no process of ours has ended");
                }
            }
            Role::Follows(following) => {
                following.link = None;
                let cause = format!("the first process at {peer}: {error}");
                if self.join_by.is_some() {
                    let what = "joining the other processes".to_owned();
                    self.join(Err(Error::Processes { what, cause }));
                } else {
                    following.lost = Some(error.to_string());
                }
            }
        }
        self.drop_link(number);
        self.lose_jobs();
    }

    /// Without a leader the jobs end.
    fn lose_jobs(&mut self) {
        let Role::Follows(following) = &mut self.role else { return };
        let Some(cause) = &following.lost else { return };
        let mut ended = VecDeque::new();
        for (id, job) in &mut following.jobs {
            let error = Error::ProcessLost {
                job: job.name().to_owned(),
                process: ProcessIndex::LEADER.0,
                address: self.parts.settings.leader,
                cause: cause.clone(),
            };
            if job.lose(error) {
                ended.push_back(*id);
            }
        }
        ended.into_iter().for_each(|id| self.end_job(id, true));
    }

    fn drop_link(&mut self, number: LinkNumber) {
        let Some(link) = self.links.remove(&number) else { return };
        self.close(link.socket());
    }

    fn close(&mut self, socket: Socket) {
        let id = self.driver.submit(Operation::Close { socket, how: CloseKind::Graceful });
        self.operations.insert(id, Purpose::Close);
    }
}
