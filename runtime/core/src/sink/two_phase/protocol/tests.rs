use std::collections::BTreeMap;

use super::*;

/// What became of a transaction in the outside world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// Not durable yet.
    Flushing,
    Durable,
    Committed,
    Aborted,
}

/// Where transactions go; survives crashes.
#[derive(Clone, Debug, Default)]
struct World {
    made: u32,
    fates: BTreeMap<u32, Fate>,
    records: BTreeMap<u32, Vec<u32>>,
    /// Writes take a while, from a pre-commit to [`Event::Written`].
    is_slow: bool,
    /// Each transaction but every second one is held back, and committed with the one after it.
    holds_back: bool,
    /// Transactions that are held back now; memory of the process.
    held: Vec<u32>,
    /// What each transaction commits beside itself, as its stored form says.
    carried: BTreeMap<u32, Vec<u32>>,
    input_ended: bool,
}

impl Participant<u32> for World {
    fn begin(&mut self) -> Result<u32, BoxError> {
        self.made += 1;
        self.fates.insert(self.made, Fate::Open);
        Ok(self.made)
    }

    fn pre_commit(&mut self, transaction: &mut u32) -> Result<(), BoxError> {
        assert_eq!(self.fates[transaction], Fate::Open);
        let fate = if self.is_slow { Fate::Flushing } else { Fate::Durable };
        self.fates.insert(*transaction, fate);
        if self.holds_back {
            self.held.push(*transaction);
            if self.input_ended || self.held.len() > 1 {
                self.carried.insert(*transaction, std::mem::take(&mut self.held));
            }
        }
        Ok(())
    }

    fn is_pre_committed(&mut self, transaction: &u32) -> Result<bool, BoxError> {
        Ok(self.fates[transaction] != Fate::Flushing)
    }

    fn commit(&mut self, transaction: &u32) -> Result<(), BoxError> {
        let all = match self.holds_back {
            true => self.carried.get(transaction).cloned().unwrap_or_default(),
            false => vec![*transaction],
        };
        for transaction in all {
            let fate = self.fates[&transaction];
            assert!(matches!(fate, Fate::Durable | Fate::Committed), "commits what is {fate:?}");
            self.fates.insert(transaction, Fate::Committed);
        }
        Ok(())
    }

    fn abort(&mut self, transaction: &u32) -> Result<(), BoxError> {
        let fate = self.fates[transaction];
        // Also what was pre-committed for a checkpoint that never was.
        assert_ne!(fate, Fate::Committed);
        self.fates.insert(*transaction, Fate::Aborted);
        Ok(())
    }

    fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    fn hold_back(&mut self, element: &u32) -> Result<(), BoxError> {
        assert_eq!(self.fates[element], Fate::Durable, "what is held back waits");
        self.held.push(*element);
        Ok(())
    }

    fn input_ended(&mut self) {
        assert!(!self.input_ended, "told once");
        self.input_ended = true;
    }
}

impl World {
    fn flushed(&mut self) {
        let flushing = self.fates.values_mut().filter(|fate| **fate == Fate::Flushing);
        flushing.for_each(|fate| *fate = Fate::Durable);
    }

    fn visible(&self) -> Vec<u32> {
        let committed = self.fates.iter().filter(|(_, fate)| **fate == Fate::Committed);
        let mut records: Vec<u32> = committed
            .flat_map(|(transaction, _)| self.records.get(transaction).into_iter().flatten())
            .copied()
            .collect();
        records.sort_unstable();
        records
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The next record.
    Write,
    Snapshot,
    /// What was asked to be written is.
    Written,
    /// The oldest checkpoint under way completes, and the sink hears of it.
    OldestCompletes,
    /// The newest one does.
    NewestCompletes,
    /// The newest one does, and word of it never comes.
    CompletesUnheard,
    /// The oldest one is given up.
    Aborted,
    /// The process dies and the job starts again from the latest checkpoint.
    Crash,
    /// The input is at its end, with the records so far.
    Finish,
}

const EVENTS: [Event; 9] = [
    Event::Write,
    Event::Snapshot,
    Event::Written,
    Event::OldestCompletes,
    Event::NewestCompletes,
    Event::CompletesUnheard,
    Event::Aborted,
    Event::Crash,
    Event::Finish,
];

/// A checkpoint: the sink's state and how many records the source had sent.
#[derive(Debug, Default)]
struct Taken {
    checkpoint: u64,
    stored: Vec<Stored<u32>>,
    sent: u32,
    input_ended: bool,
    snapshot: OperatorSnapshot,
}

/// A job of one source and one sink.
struct Job {
    world: World,
    protocol: Option<Protocol<u32>>,
    checkpointing: bool,
    sent: u32,
    input_ended: bool,
    is_over: bool,
    checkpoints: u64,
    under_way: Vec<Taken>,
    latest: Option<Taken>,
}

impl Job {
    fn start(is_slow: bool, checkpointing: bool) -> Job {
        Job::of(World { is_slow, ..World::default() }, checkpointing)
    }

    fn of(world: World, checkpointing: bool) -> Job {
        let mut job = Job {
            world,
            protocol: None,
            checkpointing,
            sent: 0,
            input_ended: false,
            is_over: false,
            checkpoints: 0,
            under_way: Vec::new(),
            latest: None,
        };
        job.protocol = Some(Protocol::begin(&mut job.world).unwrap());
        job
    }

    fn step(&mut self, event: Event) {
        if self.is_over {
            return;
        }
        let protocol = self.protocol.as_mut().unwrap();
        match event {
            Event::Write if !self.input_ended => {
                let transaction = *protocol.for_record();
                self.world.records.entry(transaction).or_default().push(self.sent);
                self.sent += 1;
            }
            Event::Write => {}
            Event::Snapshot => self.snapshot(),
            Event::Written => {
                self.world.flushed();
                protocol.poll(&mut self.world).unwrap();
            }
            Event::OldestCompletes => self.complete(0, true),
            Event::NewestCompletes => self.complete(self.under_way.len().wrapping_sub(1), true),
            Event::CompletesUnheard => self.complete(self.under_way.len().wrapping_sub(1), false),
            Event::Aborted => {
                if !self.under_way.is_empty() {
                    self.under_way.remove(0);
                }
            }
            Event::Crash => self.crash(),
            Event::Finish => self.finish(),
        }
        self.check();
    }

    fn snapshot(&mut self) {
        let protocol = self.protocol.as_mut().unwrap();
        self.checkpoints += 1;
        let mut snapshot = OperatorSnapshot::default();
        protocol.snapshot(CheckpointId(self.checkpoints), &mut snapshot, &mut self.world).unwrap();
        let owned = |stored: Stored<&u32>| match stored {
            Stored::PreCommitted(transaction) => Stored::PreCommitted(*transaction),
            Stored::Open(transaction) => Stored::Open(*transaction),
            Stored::HeldBack(transaction) => Stored::HeldBack(*transaction),
        };
        let held = self.world.held.iter().map(|held| Stored::HeldBack(*held));
        let stored = protocol.stored().map(owned).chain(held).collect();
        let checkpoint = self.checkpoints;
        let (sent, input_ended) = (self.sent, self.input_ended);
        self.under_way.push(Taken { checkpoint, stored, sent, input_ended, snapshot });
    }

    fn complete(&mut self, at: usize, is_heard: bool) {
        if !self.under_way.get(at).is_some_and(|taken| taken.snapshot.is_ready()) {
            return;
        }
        // A checkpoint that completes ends all before it.
        let taken = self.under_way.drain(..=at).next_back().unwrap();
        for stored in &taken.stored {
            if let Stored::PreCommitted(transaction) | Stored::HeldBack(transaction) = stored {
                let fate = self.world.fates[transaction];
                assert!(matches!(fate, Fate::Durable | Fate::Committed), "stored while {fate:?}");
            }
        }
        let checkpoint = CheckpointId(taken.checkpoint);
        self.latest = Some(taken);
        if is_heard {
            let protocol = self.protocol.as_mut().unwrap();
            protocol.completed(checkpoint, &mut self.world).unwrap();
        }
    }

    fn crash(&mut self) {
        self.under_way.clear();
        let latest = self.latest.take().unwrap_or_default();
        (self.sent, self.input_ended) = (latest.sent, latest.input_ended);
        self.world.held.clear();
        self.world.input_ended = false;
        Protocol::recover(&latest.stored, &mut self.world).unwrap();
        self.protocol = Some(Protocol::begin(&mut self.world).unwrap());
        self.latest = Some(latest);
    }

    fn finish(&mut self) {
        self.input_ended = true;
        let protocol = self.protocol.as_mut().unwrap();
        let finish = protocol.finish(self.checkpointing, &mut self.world).unwrap();
        self.is_over = finish == Finish::Done;
    }

    /// Nothing is visible twice; nothing that a restart would send again, but when no checkpoint is
    /// taken and the job is at its end.
    fn check(&self) {
        let visible = self.world.visible();
        let safe = self.latest.as_ref().map_or(0, |taken| taken.sent);
        let allowed = if self.is_over { self.sent } else { safe };
        assert!(visible.windows(2).all(|pair| pair[0] < pair[1]), "twice in {visible:?}");
        assert!(visible.iter().all(|record| *record < allowed), "too early in {visible:?}");
    }

    /// Goes on without faults until the job is over.
    fn complete_run(&mut self) {
        for _ in 0..3 {
            self.step(Event::Finish);
            self.step(Event::Written);
            self.step(Event::Snapshot);
            self.step(Event::Written);
            self.step(Event::NewestCompletes);
        }
        self.step(Event::Finish);
        assert!(self.is_over, "a sink that never ends");
        let expected: Vec<u32> = (0..self.sent).collect();
        assert_eq!(self.world.visible(), expected);
    }
}

fn check(events: &[Event], is_slow: bool) {
    check_world(events, World { is_slow, ..World::default() });
    check_world(events, World { is_slow, holds_back: true, ..World::default() });
}

fn check_world(events: &[Event], world: World) {
    let (is_slow, holds_back) = (world.is_slow, world.holds_back);
    let mut job = Job::of(world, true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        events.iter().for_each(|event| job.step(*event));
        job.complete_run();
    }));
    if let Err(panic) = result {
        eprintln!("slow: {is_slow}, holds back: {holds_back}, {events:?}");
        std::panic::resume_unwind(panic);
    }
}

/// All sequences of so many events.
fn each_sequence(length: u32, mut each: impl FnMut(&[Event])) {
    let mut events = Vec::new();
    for number in 0..EVENTS.len().pow(length) {
        events.clear();
        let mut rest = number;
        for _ in 0..length {
            events.push(EVENTS[rest % EVENTS.len()]);
            rest /= EVENTS.len();
        }
        each(&events);
    }
}

#[test]
fn each_record_is_visible_once_in_every_order_of_events() {
    each_sequence(6, |events| {
        // A record first, or nothing much can happen.
        let events: Vec<Event> = [Event::Write].iter().chain(events).copied().collect();
        check(&events, false);
        check(&events, true);
    });
}

#[test]
fn long_runs_with_every_single_fault() {
    use Event::{OldestCompletes, Snapshot, Write, Written};
    let calm = [Write, Write, Snapshot, Written, OldestCompletes].repeat(4);
    for at in 0..=calm.len() {
        for first in EVENTS {
            for second in EVENTS {
                let mut events = calm.clone();
                events.insert(at, first);
                events.insert((at + 3).min(events.len()), second);
                check(&events, true);
                check(&events, false);
            }
        }
    }
}

#[test]
fn without_checkpoints_all_is_committed_at_the_end() {
    for is_slow in [false, true] {
        let mut job = Job::start(is_slow, false);
        job.step(Event::Write);
        job.step(Event::Write);
        assert!(job.world.visible().is_empty());
        job.step(Event::Finish);
        assert_eq!(job.is_over, !is_slow, "a slow disk is waited for");
        job.step(Event::Written);
        job.step(Event::Finish);
        assert!(job.is_over);
        assert_eq!(job.world.visible(), [0, 1]);
    }
}

#[test]
fn what_is_held_back_is_committed_at_the_end_without_a_record() {
    for checkpointing in [false, true] {
        let world = World { holds_back: true, ..World::default() };
        let mut job = Job::of(world, checkpointing);
        for event in [Event::Write, Event::Snapshot, Event::NewestCompletes] {
            job.step(event);
        }
        assert!(job.world.visible().is_empty(), "held back");
        job.step(Event::Finish);
        assert_eq!(job.is_over, !checkpointing);
        job.complete_run();
    }
}

#[test]
fn a_sink_without_records_ends_at_once() {
    for checkpointing in [false, true] {
        let mut job = Job::start(true, checkpointing);
        job.step(Event::Finish);
        assert!(job.is_over);
        assert_eq!(job.world.fates[&1], Fate::Aborted);
    }
}

#[test]
fn a_run_that_ends_early_aborts_what_is_open_and_nothing_else() {
    let mut job = Job::start(false, true);
    for event in [Event::Write, Event::Snapshot, Event::Write] {
        job.step(event);
    }
    job.protocol.as_mut().unwrap().close(&mut job.world).unwrap();
    assert_eq!(job.world.fates, BTreeMap::from([(1, Fate::Durable), (2, Fate::Aborted)]));
}
