use std::collections::{HashMap, HashSet, VecDeque};

use super::*;
use crate::graph::TaskId;

#[test]
fn job_status_table() {
    let table: String = JobStatus::ALL
        .map(|status| {
            let next: Vec<_> = status.successors().iter().map(|next| next.name()).collect();
            format!("{status} > {}\n", next.join(" "))
        })
        .concat();
    assert_eq!(
        table,
        "INITIALIZING > CREATED RECONCILING FAILED CANCELLING SUSPENDED\n\
         CREATED > RUNNING FAILING CANCELLING SUSPENDED\n\
         RUNNING > FINISHED FAILING CANCELLING RESTARTING SUSPENDED\n\
         FAILING > FAILED CANCELLING RESTARTING SUSPENDED\n\
         FAILED > \n\
         CANCELLING > CANCELED SUSPENDED\n\
         CANCELED > \n\
         FINISHED > \n\
         RESTARTING > CREATED RUNNING FAILING CANCELLING SUSPENDED\n\
         SUSPENDED > \n\
         RECONCILING > RUNNING FINISHED FAILING CANCELLING SUSPENDED\n"
    );
    for status in JobStatus::ALL {
        assert!(!status.may_become(status), "{status}");
        assert_eq!(status.is_terminal(), !status.may_become(JobStatus::Suspended), "{status}");
        let globally = [JobStatus::Failed, JobStatus::Canceled, JobStatus::Finished];
        assert_eq!(status.is_globally_terminal(), globally.contains(&status), "{status}");
    }
}

#[test]
fn execution_state_table() {
    let table: String = ExecutionState::ALL
        .map(|state| {
            let next: Vec<_> = state.successors().iter().map(|next| next.name()).collect();
            format!("{state} > {}\n", next.join(" "))
        })
        .concat();
    assert_eq!(
        table,
        "CREATED > SCHEDULED RECONCILING CANCELED FAILED\n\
         SCHEDULED > DEPLOYING CANCELED FAILED\n\
         DEPLOYING > INITIALIZING CANCELING FAILED\n\
         INITIALIZING > RUNNING FINISHED CANCELING FAILED\n\
         RUNNING > FINISHED CANCELING FAILED\n\
         FINISHED > \n\
         CANCELING > CANCELED FAILED\n\
         CANCELED > \n\
         FAILED > \n\
         RECONCILING > INITIALIZING RUNNING FINISHED CANCELING CANCELED FAILED\n"
    );
    for state in ExecutionState::ALL {
        assert!(!state.may_become(state), "{state}");
        assert_eq!(state.is_terminal(), !state.may_become(ExecutionState::Failed), "{state}");
    }
}

fn task(index: u32) -> TaskId {
    TaskId(index)
}

fn failed(index: u32) -> JobEvent {
    JobEvent::TaskFailed { task: task(index), cause: format!("fault of {index}") }
}

fn complete(status: JobStatus) -> JobAction {
    JobAction::Complete { status, failure: None }
}

fn fault_of(index: u32) -> JobFailure {
    JobFailure { task: Some(task(index)), cause: format!("fault of {index}") }
}

fn failed_by(index: u32, status: JobStatus) -> JobAction {
    JobAction::Complete { status, failure: Some(fault_of(index)) }
}

fn ask(index: u32) -> JobAction {
    JobAction::AskRestart { failure: fault_of(index) }
}

fn cancel(tasks: &[u32]) -> JobAction {
    JobAction::CancelTasks { tasks: tasks.iter().copied().map(TaskId).collect() }
}

/// Two tasks; each event with the actions that it brings.
fn check_life(script: &[(JobEvent, &[JobAction])]) {
    let mut life = JobLife::new(2);
    for (event, expected) in script {
        let (next, actions) = life.step(event.clone());
        assert_eq!(&actions, expected, "on {event:?}");
        life = next;
    }
}

fn deploy() -> JobAction {
    JobAction::Deploy { tasks: vec![task(0), task(1)] }
}

#[test]
fn a_job_finishes() {
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::TaskRunning { task: task(1) }, &[]),
        (JobEvent::TaskRunning { task: task(0) }, &[JobAction::StartAll]),
        (JobEvent::TaskFinished { task: task(0) }, &[]),
        (JobEvent::TaskFinished { task: task(1) }, &[complete(JobStatus::Finished)]),
        (JobEvent::CancelRequested, &[]),
        (failed(0), &[]),
    ]);
}

#[test]
fn a_task_that_ends_before_the_start_does_not_hold_it_up() {
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::TaskRunning { task: task(0) }, &[]),
        (JobEvent::TaskFinished { task: task(1) }, &[JobAction::StartAll]),
        (JobEvent::TaskFinished { task: task(0) }, &[complete(JobStatus::Finished)]),
    ]);
}

#[test]
fn the_first_failure_wins() {
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (failed(1), &[cancel(&[0])]),
        (failed(0), &[ask(1)]),
        (failed(0), &[]),
        (JobEvent::RestartRefused, &[failed_by(1, JobStatus::Failed)]),
        (JobEvent::RestartGranted, &[]),
    ]);
    // What finishes while it is canceled doesn't save the job.
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (failed(1), &[cancel(&[0])]),
        (JobEvent::TaskFinished { task: task(0) }, &[ask(1)]),
        (JobEvent::RestartRefused, &[failed_by(1, JobStatus::Failed)]),
    ]);
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::TaskFinished { task: task(0) }, &[]),
        (failed(1), &[ask(1)]),
        (JobEvent::RestartRefused, &[failed_by(1, JobStatus::Failed)]),
    ]);
}

#[test]
fn a_failed_job_runs_again_when_it_may() {
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::RestartDue, &[]),
        (JobEvent::RestartGranted, &[]),
        (failed(1), &[cancel(&[0])]),
        (JobEvent::RestartGranted, &[]),
        (JobEvent::TaskCanceled { task: task(0) }, &[ask(1)]),
        (JobEvent::RestartDue, &[]),
        (JobEvent::RestartGranted, &[]),
        (JobEvent::Submitted, &[]),
        (JobEvent::TaskFinished { task: task(0) }, &[]),
        (JobEvent::RestartDue, &[deploy()]),
        (JobEvent::TaskRunning { task: task(1) }, &[]),
        (JobEvent::TaskRunning { task: task(0) }, &[JobAction::StartAll]),
        (failed(0), &[cancel(&[1])]),
        (failed(1), &[ask(0)]),
        (JobEvent::RestartRefused, &[failed_by(0, JobStatus::Failed)]),
    ]);
    // Canceled while it asks, or while it waits.
    let until_asked = [
        (JobEvent::Submitted, vec![deploy()]),
        (failed(1), vec![cancel(&[0])]),
        (JobEvent::TaskCanceled { task: task(0) }, vec![ask(1)]),
    ];
    let script = |rest: &[(JobEvent, Vec<JobAction>)]| {
        let all: Vec<_> = until_asked.iter().chain(rest).cloned().collect();
        let all: Vec<_> = all.iter().map(|(event, due)| (event.clone(), due.as_slice())).collect();
        check_life(&all);
    };
    script(&[(JobEvent::CancelRequested, vec![failed_by(1, JobStatus::Canceled)])]);
    script(&[
        (JobEvent::RestartGranted, vec![]),
        (JobEvent::CancelRequested, vec![complete(JobStatus::Canceled)]),
        (JobEvent::RestartDue, vec![]),
    ]);
}

#[test]
fn a_job_is_canceled() {
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::CancelRequested, &[cancel(&[0, 1])]),
        (JobEvent::CancelRequested, &[]),
        (JobEvent::TaskRunning { task: task(1) }, &[]),
        (JobEvent::TaskCanceled { task: task(1) }, &[]),
        // A failure on the way out is no failure of the job.
        (failed(0), &[complete(JobStatus::Canceled)]),
    ]);
    check_life(&[
        (JobEvent::CancelRequested, &[complete(JobStatus::Canceled)]),
        (JobEvent::Submitted, &[]),
    ]);
    // Cancelled while failing: canceled, and the failure is still told.
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (failed(1), &[cancel(&[0])]),
        (JobEvent::CancelRequested, &[]),
        (JobEvent::TaskCanceled { task: task(0) }, &[failed_by(1, JobStatus::Canceled)]),
    ]);
}

#[test]
fn failures_that_are_no_tasks_report() {
    let failure = |task, cause: &str| JobAction::AskRestart {
        failure: JobFailure { task, cause: cause.to_owned() },
    };
    let no_worker = || JobEvent::JobFailed { cause: "no worker".to_owned() };
    check_life(&[(no_worker(), &[failure(None, "no worker")]), (JobEvent::Submitted, &[])]);
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (no_worker(), &[cancel(&[0, 1])]),
        (JobEvent::TaskCanceled { task: task(0) }, &[]),
        (JobEvent::TaskCanceled { task: task(1) }, &[failure(None, "no worker")]),
    ]);
    let unasked = "the task stopped as if canceled, but nobody had asked for it";
    check_life(&[
        (JobEvent::Submitted, &[deploy()]),
        (JobEvent::TaskCanceled { task: task(0) }, &[cancel(&[1])]),
        (JobEvent::TaskCanceled { task: task(1) }, &[failure(Some(task(0)), unasked)]),
    ]);
}

#[test]
#[should_panic(expected = "a job has tasks")]
fn a_job_without_tasks_is_a_bug() {
    JobLife::new(0);
}

fn every_event(tasks: u32) -> Vec<JobEvent> {
    let mut events = vec![
        JobEvent::Submitted,
        JobEvent::CancelRequested,
        JobEvent::JobFailed { cause: "fault of the job".to_owned() },
        JobEvent::RestartGranted,
        JobEvent::RestartRefused,
        JobEvent::RestartDue,
    ];
    for task in (0..tasks).map(TaskId) {
        events.extend([
            JobEvent::TaskRunning { task },
            JobEvent::TaskFinished { task },
            failed(task.0),
            JobEvent::TaskCanceled { task },
        ]);
    }
    events
}

/// What an observer of the actions alone knows; the step must never surprise it.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Observer {
    deployed: bool,
    started: bool,
    canceled: Vec<TaskId>,
    asked: bool,
    completed: Option<JobStatus>,
}

impl Observer {
    fn see(&mut self, life: &JobLife, action: &JobAction) {
        assert_eq!(self.completed, None, "nothing follows the end: {action:?}");
        match action {
            JobAction::Deploy { tasks } => {
                assert!(!std::mem::replace(&mut self.deployed, true), "deployed once");
                assert_eq!(tasks.len(), life.tasks().len());
            }
            JobAction::StartAll => {
                assert!(self.deployed && self.canceled.is_empty());
                assert!(!std::mem::replace(&mut self.started, true), "started once");
            }
            JobAction::CancelTasks { tasks } => {
                assert!(self.deployed && !tasks.is_empty());
                let twice = tasks.iter().any(|task| self.canceled.contains(task));
                assert!(!twice, "told once: {tasks:?}");
                self.canceled.extend(tasks);
                self.canceled.sort_unstable();
            }
            JobAction::AskRestart { failure } => {
                assert!(!std::mem::replace(&mut self.asked, true), "asked once");
                assert_eq!(life.failure(), Some(failure));
                assert!(life.tasks().iter().all(|state| state.is_terminal()));
            }
            JobAction::Complete { status, failure } => {
                assert_eq!(life.status(), *status);
                assert_eq!(life.failure(), failure.as_ref());
                self.completed = Some(*status);
            }
        }
    }
}

/// Every state that any order of any events leads to, each entered once per observation.
fn explore(tasks: u32) -> HashMap<(JobLife, Observer), usize> {
    let events = every_event(tasks);
    let start = (JobLife::new(tasks as usize), Observer::default());
    let mut met = HashMap::from([(start.clone(), 0)]);
    let mut queue = VecDeque::from([start]);
    while let Some((life, observer)) = queue.pop_front() {
        let depth = met[&(life.clone(), observer.clone())];
        for event in &events {
            let (next, actions) = life.clone().step(event.clone());
            next.verify_invariants();
            let mut seen = observer.clone();
            actions.iter().for_each(|action| seen.see(&next, action));
            check_step(&life, &next, event);
            assert_eq!(next.status().is_terminal(), seen.completed.is_some());
            if next.status() == JobStatus::Restarting {
                // Whatever it saw was of the run before.
                seen = Observer::default();
            }
            let key = (next, seen);
            if !met.contains_key(&key) {
                met.insert(key.clone(), depth + 1);
                queue.push_back(key);
            }
        }
    }
    met
}

fn check_step(before: &JobLife, after: &JobLife, event: &JobEvent) {
    // No task comes back from its end, and the first failure stays, but for another run.
    if after.status() != JobStatus::Restarting {
        for (before, after) in before.tasks().iter().zip(after.tasks()) {
            assert!(!before.is_terminal() || before == after, "{event:?}");
        }
        assert!(before.failure().is_none() || before.failure() == after.failure(), "{event:?}");
    }
    if before.status() != after.status() {
        let stages = [JobStatus::Failing, JobStatus::Cancelling, after.status()];
        let reachable = before.status().may_become(after.status())
            || stages.iter().any(|&stage| {
                before.status().may_become(stage) && stage.may_become(after.status())
            });
        assert!(reachable, "{} to {} on {event:?}", before.status(), after.status());
    }
    // The same event again changes nothing.
    let (again, actions) = after.clone().step(event.clone());
    assert_eq!((&again, actions.as_slice()), (after, [].as_slice()), "{event:?} twice");
}

#[test]
fn every_order_of_events() {
    for tasks in 1..=3 {
        let met = explore(tasks);
        let ends: HashSet<_> = met.keys().filter_map(|(_, seen)| seen.completed).collect();
        assert_eq!(
            ends,
            HashSet::from([JobStatus::Finished, JobStatus::Canceled, JobStatus::Failed])
        );
        // Whatever happened, an end of each task is an end of the job.
        let deployed =
            |life: &JobLife| !matches!(life.status(), JobStatus::Created | JobStatus::Restarting);
        for (life, _) in met.keys().filter(|(life, _)| deployed(life)) {
            let mut life = life.clone();
            for task in (0..tasks).map(TaskId) {
                life = life.step(JobEvent::TaskFinished { task }).0;
            }
            life = life.step(JobEvent::RestartRefused).0;
            assert!(life.status().is_globally_terminal());
        }
        // At the latest: submitted, canceled or failed, and each task twice; that again after a
        // restart, and the answer to the question.
        let longest = met.values().max().copied();
        assert!(longest <= Some(2 * (4 + 2 * tasks as usize)), "{longest:?}");
    }
}
