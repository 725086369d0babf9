//! A worker's exchanges with other processes: its connections take part in its turn.
//!
//! Tasks know nothing of it. What a task sends to another process goes into a
//! [`brisk_network::remote::RemoteSubpartition`] as it would into a gate here, and what
//! comes from one is in the task's gate. Here gates are connected when a task starts, both ends are
//! let go when it is over, and a connection that fails fails the tasks that depend on it.

use std::{fmt, net::SocketAddr, rc::Rc};

use brisk_memory::{
    Arena, LaneOptions, PoolOptions, SegmentCount,
    driver::{Completion, Driver, Instant64},
};
use brisk_network::{
    GateAddress,
    remote::{
        GateOptions, LinkOptions, Producer, RemoteError, RemoteFailure, Transport, TransportOptions,
    },
    wire::{
        ErrorCode, PartitionAddress, PeerError,
        handshake::{ClusterSecret, Nonce},
    },
};

use super::{TaskEnd, Worker};
use crate::{
    error::{Error, TaskError},
    graph::NodeId,
    task::{BuildContext, GatePlan, SubtaskPlan, Surroundings, TaskKey, WorkerIo, task_error},
};

/// Segments for headers that the connections of a worker are sure of: one for what is being sent and
/// one for what comes next. With more they need not take turns.
pub(crate) const HEADER_SEGMENTS: u32 = 2;
const HEADER_SEGMENTS_MAX: u32 = 32;

/// How a worker reaches other processes.
#[derive(Clone)]
pub struct RemoteOptions {
    /// Where it listens; a free port when that is 0.
    pub listen: SocketAddr,
    /// What all processes know.
    pub secret: ClusterSecret,
    /// Fresh random bytes for each handshake.
    pub nonces: fn() -> Nonce,
    /// How connections are made and used.
    pub link: LinkOptions,
}

impl RemoteOptions {
    /// The connections of a worker, of which there is none yet, and where it listens.
    pub(super) fn open(
        self,
        driver: &Driver,
        arena: &Arena,
    ) -> Result<(Transport, SocketAddr), Error> {
        let Self { listen, secret, nonces, link } = self;
        let headers = arena.network().create_pool(PoolOptions {
            owner: "headers of what goes to other processes".to_owned(),
            required: SegmentCount(HEADER_SEGMENTS),
            max: SegmentCount(HEADER_SEGMENTS_MAX),
            overdraft: SegmentCount(0),
            waker: driver.doorbell().waker(),
        })?;
        let nonces = Box::new(nonces);
        let mut transport = Transport::new(TransportOptions { secret, nonces, headers, link });
        let at = transport.listen(driver, listen).map_err(|error| Error::Start {
            what: format!("listening for other processes at {listen}"),
            cause: error.to_string(),
        })?;
        Ok((transport, at))
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// Takes in the end of an operation; gives it back when it is none of a connection's.
pub(super) fn hear(
    surroundings: &Surroundings,
    io: &WorkerIo,
    completion: Completion,
) -> Option<Completion> {
    let Some(transport) = &surroundings.transport else { return Some(completion) };
    transport.borrow_mut().completed(&mut io.driver.borrow_mut(), completion)
}

impl Worker {
    /// Gives credit, sends and receives; when there is something to do at the latest.
    pub(super) fn turn_remote(&mut self) -> Option<Instant64> {
        let transport = self.surroundings.transport.as_ref()?;
        transport.borrow_mut().turn(&mut self.io.driver.borrow_mut())
    }

    /// Fails the tasks whose connections have failed.
    pub(super) fn fail_remote(&mut self) {
        let Some(transport) = &self.surroundings.transport else { return };
        let failures = transport.borrow_mut().take_failures();
        for failure in failures {
            let (known, error) = match failure {
                RemoteFailure::Gate(gate, error) => (self.reader_of(gate), error),
                RemoteFailure::Partition(address, error) => (self.writer_of(address), error),
                RemoteFailure::Nobody(error) => (None, error),
            };
            match known {
                Some((key, node)) => self.fail_exchange(key, node, error),
                None => tracing::info!(worker = self.surroundings.id.0, %error, "a connection"),
            }
        }
    }

    fn fail_exchange(&mut self, key: TaskKey, node: NodeId, error: RemoteError) {
        let Some(task) = self.tasks.get(&key) else { return };
        let error = task_error(&task.plan, node, TaskError::Network(error));
        self.fail_task(key, error);
    }

    fn reader_of(&self, gate: GateAddress) -> Option<(TaskKey, NodeId)> {
        self.tasks.iter().find_map(|(key, task)| {
            let read = task.plan.gates.iter().find(|known| known.address == gate)?;
            Some((*key, read.node))
        })
    }

    fn writer_of(&self, address: PartitionAddress) -> Option<(TaskKey, NodeId)> {
        self.tasks.iter().find_map(|(key, task)| {
            let mut outputs = task.plan.outputs.iter();
            let written = outputs
                .find(|output| output.ports.iter().any(|port| port.remote == Some(address)))?;
            Some((*key, written.node))
        })
    }

    /// Has the producers of a task that are in other processes send.
    pub(super) fn connect_gates(
        &self,
        plan: &SubtaskPlan,
        build: &BuildContext,
    ) -> Result<(), Error> {
        for (input, gate) in plan.gates.iter().enumerate() {
            if !gate.producers.is_empty() {
                self.connect_gate((plan, input, gate), build)?;
            }
        }
        Ok(())
    }

    fn connect_gate(
        &self,
        (plan, input, gate): (&SubtaskPlan, usize, &GatePlan),
        build: &BuildContext,
    ) -> Result<(), Error> {
        let transport = self.surroundings.transport.as_ref();
        let transport = transport.expect("who has producers elsewhere has a way there");
        let quota = self.surroundings.quota;
        let (count, shares) = (gate.producers.len() as u32, quota.shares());
        let required = quota.required_in(count);
        let max = shares.total(count).max(required);
        let operator = plan.operator_name(gate.node);
        let options = PoolOptions {
            owner: format!("{}/{}: input of {operator}", plan.job, plan.display_name()),
            required: SegmentCount(required),
            max: SegmentCount(max),
            overdraft: SegmentCount(0),
            waker: self.surroundings.doorbell_waker.clone(),
        };
        let lanes = LaneOptions { count, segments_max: SegmentCount(max) };
        let pool = self.surroundings.arena.network().create_pool_with_lanes(options, lanes)?;
        let producers = gate.producers.iter().map(|producer| Producer {
            channel: producer.channel,
            peer: producer.peer,
            address: producer.address,
            check: build.check_of(input, producer.channel),
        });
        let options = GateOptions {
            address: gate.address,
            gate: Rc::clone(&self.surroundings.gates.borrow()[&gate.address]),
            pool,
            shares,
            producers: producers.collect(),
        };
        transport.borrow_mut().open_gate(&mut self.io.driver.borrow_mut(), options);
        Ok(())
    }

    /// A task is over: what was sent to it is dropped, and what it has sent goes on its way if it sent
    /// all; if it failed, its consumers in other processes are told.
    pub(super) fn forget_channels(&mut self, plan: &SubtaskPlan, end: &TaskEnd) {
        let mut gates = self.surroundings.gates.borrow_mut();
        for gate in &plan.gates {
            gates.remove(&gate.address);
        }
        let Some(transport) = &self.surroundings.transport else { return };
        let mut transport = transport.borrow_mut();
        for gate in plan.gates.iter().filter(|gate| !gate.producers.is_empty()) {
            transport.close_gate(gate.address);
        }
        let ports = plan.outputs.iter().flat_map(|output| &output.ports);
        for address in ports.filter_map(|port| port.remote) {
            match end {
                TaskEnd::Finished => transport.finish_subpartition(address),
                // Its consumers are canceled as well.
                TaskEnd::Canceled => transport.remove_subpartition(address, None),
                TaskEnd::Failed(error) => {
                    let error = PeerError::new(ErrorCode::TaskFailed, &error.to_string());
                    transport.remove_subpartition(address, Some(error));
                }
            }
        }
    }
}
