//! A seeded walk: tasks that acknowledge, decline, finish, fail and restart in any order, storage
//! that fails, users that ask; and what must hold at every step of it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::checkpoint::random::Random;

struct Walk {
    random: Random,
    coordinator: Coordinator,
    now: u64,
    tasks: u32,
    running: BTreeSet<u32>,
    finished: BTreeSet<u32>,
    /// Triggered and not yet answered: (checkpoint, task), with its base.
    asked: Vec<(u64, u32, Option<u64>)>,
    /// `WriteMetadata` that is out.
    writing: Vec<u64>,
    savepoints: BTreeSet<u64>,
    /// Files by name: how often they were discarded.
    files: BTreeMap<String, usize>,
    /// By checkpoint: the files it names. Of completed ones, all.
    named: BTreeMap<u64, BTreeSet<String>>,
    completed: BTreeMap<u64, BTreeSet<String>>,
    /// By checkpoint and task: its shared files.
    shared_of: BTreeMap<(u64, u32), Vec<String>>,
    bases: BTreeMap<u64, u64>,
    ended: BTreeSet<u64>,
    requests: BTreeMap<u64, usize>,
    last_triggered: u64,
    last_completed_at: Option<u64>,
    min_pause: u64,
    job_ended: bool,
    fresh: u64,
}

impl Walk {
    fn new(seed: u64) -> Walk {
        let mut random = Random::from_seed(seed);
        let min_pause = random.up_to(1) * 400;
        let concurrent = if min_pause > 0 { 1 } else { 1 + random.up_to(2) as u32 };
        let config = CheckpointConfig {
            min_pause: Duration::from_millis(min_pause),
            max_concurrent: NonZeroU32::new(concurrent).unwrap(),
            num_retained: NonZeroU32::new(1 + random.up_to(2) as u32).unwrap(),
            tolerable_failures: random.up_to(3) as u32,
            incremental: random.up_to(1) == 1,
            after_tasks_finish: random.up_to(3) > 0,
            retention: Retention::Never,
            ..config()
        };
        let shape = [1 + random.up_to(1) as u32, 1 + random.up_to(2) as u32];
        Walk {
            coordinator: coordinator(config, &shape),
            random,
            now: 0,
            tasks: shape.iter().sum(),
            running: BTreeSet::new(),
            finished: BTreeSet::new(),
            asked: Vec::new(),
            writing: Vec::new(),
            savepoints: BTreeSet::new(),
            files: BTreeMap::new(),
            named: BTreeMap::new(),
            completed: BTreeMap::new(),
            shared_of: BTreeMap::new(),
            bases: BTreeMap::new(),
            ended: BTreeSet::new(),
            requests: BTreeMap::new(),
            last_triggered: 0,
            last_completed_at: None,
            min_pause,
            job_ended: false,
            fresh: 0,
        }
    }

    fn step(&mut self, event: CoordinatorEvent) {
        let asked = matches!(event, CoordinatorEvent::CheckpointRequested { .. });
        let by_user = asked || !self.coordinator.waiting.is_empty();
        let actions = self.coordinator.step(Millis(self.now), event);
        self.coordinator.verify_invariants();
        self.coordinator.statistics().verify_invariants();
        let fails =
            actions.iter().any(|action| matches!(action, CoordinatorAction::FailJob { .. }));
        for action in actions {
            self.carry_out(action, by_user);
        }
        if fails {
            self.fail_over();
        }
    }

    fn carry_out(&mut self, action: CoordinatorAction, by_user: bool) {
        match action {
            CoordinatorAction::Trigger { tasks, barrier } => {
                let id = barrier.id.0;
                assert!(id > self.last_triggered, "numbers grow");
                self.last_triggered = id;
                assert!(!tasks.is_empty() && tasks.iter().all(|t| self.running.contains(&t.0)));
                let base = barrier.base.map(|base| base.0);
                if barrier.kind.is_savepoint() {
                    self.savepoints.insert(id);
                    assert_eq!(base, None, "a savepoint is whole");
                } else if let Some(last) = self.last_completed_at {
                    assert!(by_user || self.now >= last + self.min_pause, "the pause is kept");
                }
                self.bases.extend(base.map(|base| (id, base)));
                for &task in &self.running {
                    self.asked.push((id, task, base));
                }
            }
            CoordinatorAction::WriteMetadata { checkpoint, .. } => {
                let id = checkpoint.id.0;
                let named: BTreeSet<_> = checkpoint.handles().map(name).collect();
                assert_eq!(Some(&named), self.named.get(&id), "it has all that was acknowledged");
                let missing = self.asked.iter().any(|(asked, ..)| *asked == id);
                assert!(!missing, "checkpoint {id} has every acknowledgement");
                self.writing.push(id);
            }
            CoordinatorAction::NotifyComplete { id, .. } => self.end(id.0),
            CoordinatorAction::NotifyAborted { id, .. } => {
                assert!(!self.completed.contains_key(&id.0), "either completed or aborted");
                self.end(id.0);
            }
            CoordinatorAction::Discard(discarded) => self.discard(&discarded),
            CoordinatorAction::FailJob { .. } => {}
            CoordinatorAction::Answer { request, .. } => {
                let answers = self.requests.get_mut(&request.0).expect("somebody asked");
                *answers += 1;
                assert_eq!(*answers, 1, "each request is answered once");
            }
        }
    }

    fn end(&mut self, id: u64) {
        assert!(self.ended.insert(id), "checkpoint {id} ends once");
        self.bases.remove(&id);
    }

    fn discard(&mut self, discarded: &Discarded) {
        let id = discarded.id.0;
        let retained: Vec<u64> = self.coordinator.retained().map(|(kept, _)| kept.id.0).collect();
        assert!(!discarded.whole || !retained.contains(&id), "{id} is kept");
        assert!(!discarded.whole || !self.is_users(id), "{id} belongs to the user");
        let files =
            discarded.own.iter().chain(&discarded.shared).map(|path| path.name().to_owned());
        for file in files {
            let used_by = retained.iter().chain(self.bases.values());
            for user in used_by {
                let uses = self.completed.get(user).is_some_and(|files| files.contains(&file));
                assert!(!uses, "{file} is discarded with {id}, but {user} has it");
            }
            // A late acknowledgement may name what went with its base.
            let late = file.starts_with("shared") && self.ended.contains(&id);
            let gone = self.files.get_mut(&file).expect("the file was acknowledged");
            assert!(*gone == 0 || late, "{file} goes once, or once more by a late word");
            *gone = 1;
        }
    }

    fn is_users(&self, id: u64) -> bool {
        self.savepoints.contains(&id) && self.completed.contains_key(&id)
    }

    fn fail_over(&mut self) {
        if !self.job_ended {
            self.running.clear();
            self.finished.clear();
            self.asked.retain(|_| self.random.up_to(1) == 0);
            self.step(CoordinatorEvent::Suspended);
        }
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.fresh += 1;
        let name = format!("{kind}{}", self.fresh);
        self.files.insert(name.clone(), 0);
        name
    }

    fn ack(&mut self, index: usize) {
        let (id, task, base) = self.asked.swap_remove(index);
        let vertex = self.coordinator.topology.subtask(TaskId(task)).vertex.0;
        let own = self.fresh("own");
        let mut shared = Vec::new();
        if self.coordinator.config().incremental && !self.savepoints.contains(&id) {
            shared.push(self.fresh("shared"));
            if let Some(base) = base {
                let old = self.shared_of.get(&(base, task)).cloned().unwrap_or_default();
                shared.extend(old.into_iter().filter(|_| self.random.up_to(2) > 0));
            }
        }
        let pending = self.coordinator.pending().any(|pending| pending.0 == id);
        if pending {
            let named = self.named.entry(id).or_default();
            named.insert(own.clone());
            named.extend(shared.iter().cloned());
            self.shared_of.insert((id, task), shared.clone());
        }
        let snapshot = snapshot(vertex, &own, &shared);
        let (id, task) = (CheckpointId(id), TaskId(task));
        let event = CoordinatorEvent::Acknowledged { id, task, snapshot };
        self.step(event.clone());
        if pending && self.random.up_to(9) == 0 && self.coordinator.pending().any(|p| p == id) {
            self.step(event);
        }
    }

    fn write(&mut self) {
        let place = self.random.up_to(self.writing.len() as u64 - 1) as usize;
        let id = self.writing.swap_remove(place);
        if self.random.up_to(5) == 0 {
            let cause = "the disk is full".to_owned();
            return self.step(CoordinatorEvent::MetadataFailed { id: CheckpointId(id), cause });
        }
        self.completed.insert(id, self.named[&id].clone());
        self.last_completed_at = Some(self.now);
        let location = format!("/c/{id}");
        self.step(CoordinatorEvent::MetadataWritten { id: CheckpointId(id), location, bytes: 9 });
        if self.savepoints.contains(&id) {
            self.bases.remove(&id);
        }
    }

    fn request(&mut self) -> RequestId {
        let request = self.requests.len() as u64;
        self.requests.insert(request, 0);
        RequestId(request)
    }

    fn ask(&mut self) {
        let request = self.request();
        if self.random.up_to(2) == 0 {
            let full = self.random.up_to(1) == 0;
            return self.step(CoordinatorEvent::CheckpointRequested { request, full });
        }
        let after = match self.random.up_to(9) {
            0 => AfterSavepoint::Suspend,
            1 => AfterSavepoint::Drain,
            _ => AfterSavepoint::Continue,
        };
        let target = (self.random.up_to(5) > 0).then(|| "/s".to_owned());
        let savepoint = SavepointRequest { target, format: SavepointFormat::Canonical, after };
        self.step(CoordinatorEvent::SavepointRequested { request, savepoint });
    }

    fn one(&mut self) {
        match self.random.up_to(99) {
            0..=44 if !self.asked.is_empty() => {
                let index = self.random.up_to(self.asked.len() as u64 - 1) as usize;
                self.ack(index);
            }
            45..=47 if !self.asked.is_empty() => {
                let index = self.random.up_to(self.asked.len() as u64 - 1) as usize;
                let (id, task, _) = self.asked.swap_remove(index);
                let (id, task) = (CheckpointId(id), TaskId(task));
                let reason = match self.random.up_to(1) {
                    0 => DeclineReason::NotReady,
                    _ => DeclineReason::Failed { cause: "no".to_owned() },
                };
                self.step(CoordinatorEvent::Declined { id, task, reason });
            }
            48..=62 if !self.writing.is_empty() => self.write(),
            63..=66 => self.ask(),
            67 if self.random.up_to(3) == 0 => self.fail_over(),
            68 if self.random.up_to(40) == 0 => {
                if let Some(task) = self.running.pop_first() {
                    self.finished.insert(task);
                    self.step(CoordinatorEvent::TaskFinished { task: TaskId(task) });
                }
            }
            69..=79 => {
                let task = self.random.up_to(u64::from(self.tasks) - 1) as u32;
                if !self.finished.contains(&task) && self.running.insert(task) {
                    self.step(CoordinatorEvent::TaskRunning { task: TaskId(task) });
                }
            }
            80..=84 => {
                let far = self.random.up_to(20) == 0;
                self.now += self.random.up_to(if far { 9000 } else { 600 });
                self.step(CoordinatorEvent::Tick);
            }
            _ => {
                if let Some(at) = self.coordinator.wakes_at() {
                    self.now = self.now.max(at.0);
                }
                self.step(CoordinatorEvent::Tick);
            }
        }
    }

    fn finish(mut self) -> usize {
        self.job_ended = true;
        self.step(CoordinatorEvent::JobEnded { end: JobEnd::Canceled });
        while !self.writing.is_empty() {
            self.write();
        }
        while !self.asked.is_empty() {
            self.ack(0);
        }
        assert_eq!(self.coordinator.pending().count(), 0);
        assert!(self.requests.values().all(|answers| *answers == 1), "{:?}", self.requests);
        for (file, gone) in &self.files {
            let savepoints = self.completed.iter().filter(|(id, _)| self.savepoints.contains(id));
            let kept = savepoints.filter(|(_, files)| files.contains(file)).count();
            assert_eq!(gone + kept, 1, "{file} is kept {kept} times and discarded {gone} times");
        }
        self.completed.len()
    }
}

fn name(handle: &StateHandle) -> String {
    handle.file().expect("all state is in files here").path.name().to_owned()
}

#[test]
fn walks_keep_every_promise() {
    let mut completed = 0;
    for seed in 0..400 {
        let mut walk = Walk::new(seed);
        for _ in 0..800 {
            walk.one();
        }
        completed += walk.finish();
    }
    assert!(completed > 1500, "the walks get somewhere: {completed}");
}
