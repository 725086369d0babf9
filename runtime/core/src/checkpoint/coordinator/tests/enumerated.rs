//! Every order of what can happen to one or two checkpoints of two tasks.

use super::*;

/// What can happen, each at most so often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Ack(u32),
    Decline,
    Expire,
    Finish,
    Written,
    WriteFailed,
    Suspend,
    Cancel,
}

const STEPS: [Step; 9] = [
    Step::Ack(0),
    Step::Ack(1),
    Step::Decline,
    Step::Expire,
    Step::Finish,
    Step::Written,
    Step::WriteFailed,
    Step::Suspend,
    Step::Cancel,
];

fn event(step: Step) -> CoordinatorEvent {
    let id = CheckpointId(1);
    match step {
        Step::Ack(task) => CoordinatorEvent::Acknowledged {
            id,
            task: TaskId(task),
            snapshot: snapshot(task, &format!("t{task}"), &[]),
        },
        Step::Decline => {
            CoordinatorEvent::Declined { id, task: TaskId(1), reason: DeclineReason::NotReady }
        }
        Step::Expire => CoordinatorEvent::Tick,
        Step::Finish => CoordinatorEvent::TaskFinished { task: TaskId(1) },
        Step::Written => {
            CoordinatorEvent::MetadataWritten { id, location: "/c".to_owned(), bytes: 1 }
        }
        Step::WriteFailed => CoordinatorEvent::MetadataFailed { id, cause: "full".to_owned() },
        Step::Suspend => CoordinatorEvent::Suspended,
        Step::Cancel => CoordinatorEvent::JobEnded { end: JobEnd::Canceled },
    }
}

#[derive(Clone)]
struct Case {
    coordinator: Coordinator,
    now: u64,
    acked: Vec<u32>,
    /// What was done about checkpoint 1.
    completed: usize,
    aborted: usize,
    writes: usize,
    discarded: Vec<String>,
    trace: Vec<Step>,
}

impl Case {
    fn run(&mut self, step: Step) {
        self.trace.push(step);
        if step == Step::Expire {
            self.now += 5000;
        }
        if let Step::Ack(task) = step {
            self.acked.push(task);
        }
        let actions = self.coordinator.step(Millis(self.now), event(step));
        for action in actions {
            match action {
                CoordinatorAction::NotifyComplete { id: CheckpointId(1), .. } => {
                    self.completed += 1
                }
                CoordinatorAction::NotifyAborted { id: CheckpointId(1), .. } => self.aborted += 1,
                CoordinatorAction::WriteMetadata { .. } => {
                    assert_eq!(self.acked.len(), 2, "{:?}", self.trace);
                    self.writes += 1;
                }
                CoordinatorAction::Discard(discarded) if discarded.id == CheckpointId(1) => {
                    self.discarded.extend(discarded.own.iter().map(StatePath::to_string));
                }
                _ => {}
            }
        }
        self.check();
    }

    fn check(&self) {
        self.coordinator.verify_invariants();
        self.coordinator.statistics().verify_invariants();
        let trace = &self.trace;
        assert!(self.completed + self.aborted <= 1, "{trace:?}");
        assert!(self.writes <= 1, "{trace:?}");
        let pending = self.coordinator.pending().any(|id| id == CheckpointId(1));
        let retained = self.coordinator.retained().count();
        if self.completed == 1 {
            assert!(trace.contains(&Step::Written) && self.writes == 1, "{trace:?}");
        }
        let mut gone = self.discarded.clone();
        gone.sort();
        let len = gone.len();
        gone.dedup();
        assert_eq!(len, gone.len(), "{trace:?}: each file goes once: {gone:?}");
        let all_gone = gone.len() == self.acked.len();
        assert!(
            pending || retained == 1 || all_gone,
            "{trace:?}: acks of {:?}, but only {gone:?} is gone",
            self.acked
        );
        assert!(gone.is_empty() || !pending && retained == 0, "{trace:?}: {gone:?} is in use");
    }
}

#[test]
fn every_order_of_up_to_six_things() {
    let config = CheckpointConfig { tolerable_failures: 9, ..config() };
    let Script { coordinator, now } = Script::started(config);
    let case = Case {
        coordinator,
        now,
        acked: Vec::new(),
        completed: 0,
        aborted: 0,
        writes: 0,
        discarded: Vec::new(),
        trace: Vec::new(),
    };
    let mut cases = 0;
    descend(&case, 6, &mut cases);
    assert_eq!(cases, 9 + 72 + 504 + 3024 + 15120 + 60480, "each step at most once");
}

fn descend(case: &Case, depth: usize, cases: &mut usize) {
    if depth == 0 {
        return;
    }
    for step in STEPS {
        if !case.trace.contains(&step) {
            let mut next = case.clone();
            next.run(step);
            *cases += 1;
            descend(&next, depth - 1, cases);
        }
    }
}
