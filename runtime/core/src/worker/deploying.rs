//! From a plan to a task that runs: gates first, then, when all of the job's tasks have theirs, the
//! chains.

use brisk_network::{InputGate, PeerPort};
use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};

use super::{
    JobKey, JobRun, TaskEnd, Worker, debloating,
    running::{RunningTask, TaskParts, panic_text},
    turn::empty_report,
};
use crate::{
    error::{Error, TaskError},
    task::{
        BuildContext, Cx, CxParts, PlannedTask, SubtaskPlan, WorkerId, inputs::Barriers, task_error,
    },
};

impl Worker {
    pub(super) fn deploy(&mut self, run: Arc<JobRun>, tasks: Vec<PlannedTask>) {
        for PlannedTask { plan, .. } in &tasks {
            if let Some(options) = self.surroundings.quota.debloat {
                debloating::begin(options, self.surroundings.arena.segment_size(), plan);
            }
            for gate in &plan.gates {
                let signal = self.ready.signal(plan.key.0);
                let input = Rc::new(RefCell::new(InputGate::new(gate.channels, signal)));
                let before = self.surroundings.gates.borrow_mut().insert(gate.address, input);
                assert!(before.is_none(), "gate addresses are never reused");
            }
        }
        let begins_with = |task: &&PlannedTask| {
            task.plan.restore.as_ref().is_some_and(|restore| !restore.in_flight.is_empty())
        };
        for task in tasks.iter().filter(begins_with) {
            run.checkpointing.begin_recovery(task.plan.key);
        }
        let listener = Arc::clone(&run.listener);
        self.deployed.insert(run.key, (run, tasks));
        listener.deployed(self.surroundings.id);
    }

    fn connect(&mut self, worker: WorkerId) {
        let mut peers = self.surroundings.peers.borrow_mut();
        if worker != self.surroundings.id && !peers.contains_key(&worker) {
            let handle = self.directory.get(worker).expect("jobs are deployed to live workers");
            let room = self.surroundings.doorbell_waker.clone();
            peers.insert(worker, PeerPort::new(handle.mailbox, handle.doorbell, room));
        }
    }

    pub(super) fn start(&mut self, job: JobKey) {
        let Some((run, tasks)) = self.deployed.remove(&job) else { return };
        for task in tasks {
            if let Err(error) = self.start_task(&run, &task) {
                let plan = &task.plan;
                let end = TaskEnd::Failed(error);
                self.forget_channels(plan, &end);
                run.listener.task_ended(empty_report(plan.key), end);
            }
        }
    }

    fn start_task(&mut self, run: &Arc<JobRun>, task: &PlannedTask) -> Result<(), Error> {
        let PlannedTask { plan, factory } = task;
        // Now and not before: ways that nobody uses are forgotten between tasks.
        let ports = plan.outputs.iter().flat_map(|output| &output.ports);
        for port in ports.filter(|port| port.remote.is_none()) {
            self.connect(port.worker);
        }
        let mut build = BuildContext::new(Arc::clone(plan), Rc::clone(&self.surroundings))?;
        let body = built(plan, || factory(&mut build))?;
        let mut cx = Cx::new(CxParts {
            plan: Arc::clone(plan),
            run: Arc::clone(run),
            barriers: Barriers::new(build.inputs(), run.checkpointing.guarantee),
            io: Rc::clone(&self.io),
            waker: self.wakes.waker(plan.key),
        });
        cx.sides = built(plan, || build.sides())?;
        cx.metrics.spills_as(build.spilled());
        let signal = self.ready.signal(plan.key.0);
        let segment = self.surroundings.arena.segment_size();
        let parts = TaskParts {
            plan: Arc::clone(plan),
            job: Arc::clone(run),
            signal: Rc::clone(&signal),
            cx,
            body,
            accumulators: build.accumulators(),
            limits: self.limits,
            debloat: self.surroundings.quota.debloat.map(|options| (options, segment)),
        };
        let mut task = RunningTask::new(parts, self.now());
        let opened = task.open();
        build.close_disk();
        if let Err(error) = opened {
            let now = self.now();
            // Why it could not be opened is the error to tell.
            let _ = task.close(now);
            return Err(error);
        }
        self.tasks.insert(plan.key, task);
        if let Err(error) = self.connect_gates(plan, &build) {
            self.fail_task(plan.key, error);
        }
        signal.raise();
        Ok(())
    }
}

/// What `build` builds; a panic in there, as in a user's `clone`, is the task's.
fn built<R>(plan: &SubtaskPlan, build: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    match catch_unwind(AssertUnwindSafe(build)) {
        Ok(result) => result,
        Err(panic) => Err(task_error(plan, plan.head(), TaskError::Panic(panic_text(panic)))),
    }
}
