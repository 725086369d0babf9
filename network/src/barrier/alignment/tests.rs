//! Every order in which barriers, cancellations and ends can come over two or three
//! channels, beside a naive oracle: what a checkpoint must hold is what each channel
//! brought before its barrier.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::*;
use crate::barrier::BarrierKind;

/// What one channel brings, in order; then its end comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Brings {
    Data(u8),
    Barrier(u64),
    Cancel(u64),
}
use Brings::{Barrier, Cancel, Data};

const LIMIT: BarrierKind = BarrierKind::AlignedUntil(Duration::from_millis(10));

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Channel {
    /// Not here yet.
    coming: VecDeque<Brings>,
    /// Here, and not read.
    queue: VecDeque<Brings>,
    read: Vec<u8>,
    blocked: bool,
    /// Its end is here.
    closed: bool,
    ended: bool,
    /// Data that comes is captured, until the barrier of this checkpoint.
    capturing: Option<u64>,
    /// A barrier that was received and is still in the queue.
    passed: Option<u64>,
}

/// What a checkpoint holds of each channel.
type Cut = Vec<Vec<u8>>;

/// A task: the alignment, and what it does with its actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Task {
    kind: BarrierKind,
    alignment: Alignment,
    channels: Vec<Channel>,
    timer: Option<u64>,
    captured: BTreeMap<u64, Cut>,
    triggered: BTreeMap<u64, Cut>,
    complete: BTreeMap<u64, Cut>,
    aborted: Vec<u64>,
}

impl Task {
    fn new(scripts: &[&[Brings]], kind: BarrierKind, guarantee: Guarantee) -> Self {
        let channel = |script: &&[Brings]| Channel {
            coming: script.iter().copied().collect(),
            ..Channel::default()
        };
        Self {
            kind,
            alignment: Alignment::new(scripts.len() as u32, guarantee),
            channels: scripts.iter().map(channel).collect(),
            timer: None,
            captured: BTreeMap::new(),
            triggered: BTreeMap::new(),
            complete: BTreeMap::new(),
            aborted: Vec::new(),
        }
    }

    fn arrival(&self, channel: usize, id: u64) -> Arrival {
        let checkpoint = CheckpointId(id);
        let barrier = CheckpointBarrier { checkpoint, started_ms: 0, kind: self.kind };
        Arrival { channel: ChannelIndex(channel as u32), barrier, now_ms: 0 }
    }

    fn capture(&mut self, id: u64, channel: usize, data: u8) {
        let channels = self.channels.len();
        self.captured.entry(id).or_insert_with(|| vec![Vec::new(); channels])[channel].push(data);
    }

    fn step(&mut self, event: BarrierEvent) {
        let (alignment, actions) = self.alignment.clone().step(event);
        self.alignment = alignment;
        self.alignment.verify_invariants();
        let mut found = Vec::new();
        for action in actions {
            self.act(action, &mut found);
        }
        let blocked = self.alignment.blocked();
        for (number, channel) in (0..).zip(&self.channels) {
            assert_eq!(channel.blocked, blocked.contains(ChannelIndex(number)), "{self:?}");
        }
        for event in found {
            self.step(event);
        }
    }

    fn act(&mut self, action: BarrierAction, found: &mut Vec<BarrierEvent>) {
        match action {
            BarrierAction::Block(channel) => {
                let was = std::mem::replace(&mut self.channels[channel.position()].blocked, true);
                assert!(!was, "blocked twice: {self:?}");
            }
            BarrierAction::Unblock(channel) => {
                let was = std::mem::replace(&mut self.channels[channel.position()].blocked, false);
                assert!(was, "unblocked without need: {self:?}");
            }
            BarrierAction::StartTimer { checkpoint, after } => {
                assert_eq!(after, Duration::from_millis(10));
                self.timer = Some(checkpoint.0);
            }
            BarrierAction::Trigger(barrier) => {
                let id = barrier.checkpoint.0;
                let cut: Cut = self.channels.iter().map(|channel| channel.read.clone()).collect();
                assert!(!self.aborted.contains(&id), "{id} was given up: {self:?}");
                let last = self.triggered.last_key_value().map(|(id, _)| *id);
                assert!(last < Some(id), "{id} after {last:?}");
                if !barrier.overtakes() {
                    self.complete.insert(id, cut.clone());
                }
                self.triggered.insert(id, cut);
            }
            BarrierAction::Capture { channel, checkpoint } => {
                found.extend(self.begin_capture(channel.position(), checkpoint.0));
            }
            BarrierAction::Captured(checkpoint) => self.captured(checkpoint.0),
            BarrierAction::Abort { checkpoint, .. } => {
                let id = checkpoint.0;
                assert!(!self.aborted.contains(&id) && !self.complete.contains_key(&id));
                self.aborted.push(id);
                self.captured.remove(&id);
                for channel in &mut self.channels {
                    channel.capturing.take_if(|of| *of == id);
                }
            }
        }
    }

    /// Captures the queue of a channel up to the barrier. What that comes upon: the barrier, if it
    /// waits there, or the end.
    fn begin_capture(&mut self, channel: usize, id: u64) -> Option<BarrierEvent> {
        let state = &mut self.channels[channel];
        let at = state.queue.iter().position(|item| *item == Barrier(id));
        let before = state.queue.iter().take(at.unwrap_or(usize::MAX)).copied();
        let data: Vec<Brings> = before.collect();
        let waits = at.is_some() && state.passed != Some(id);
        match at {
            Some(at) => drop(state.queue.remove(at)),
            None if state.closed => {}
            None => state.capturing = Some(id),
        }
        let closed = at.is_none() && state.closed && !state.queue.contains(&Cancel(id));
        for item in data {
            if let Data(data) = item {
                self.capture(id, channel, data);
            }
        }
        if closed {
            return Some(closing(channel, id));
        }
        waits.then(|| BarrierEvent::Received(self.arrival(channel, id)))
    }

    fn captured(&mut self, id: u64) {
        let mut cut = self.triggered[&id].clone();
        if let Some(captured) = self.captured.remove(&id) {
            for (of, more) in cut.iter_mut().zip(captured) {
                of.extend(more);
            }
        }
        for (number, channel) in self.channels.iter().enumerate() {
            let ended = channel.ended || channel.capturing != Some(id);
            assert!(ended, "channel {number} is still captured: {self:?}");
        }
        self.complete.insert(id, cut);
    }

    /// The next item of a channel comes.
    fn deliver(&mut self, channel: usize) -> bool {
        let state = &mut self.channels[channel];
        let Some(item) = state.coming.pop_front() else {
            let comes = !std::mem::replace(&mut state.closed, true);
            if let Some(id) = state.capturing.take()
                && !state.queue.contains(&Cancel(id))
            {
                self.step(closing(channel, id));
            }
            return comes;
        };
        let capturing = state.capturing;
        match item {
            Data(data) => {
                state.queue.push_back(item);
                if let Some(id) = capturing {
                    self.capture(id, channel, data);
                }
            }
            Cancel(_) => state.queue.push_back(item),
            Barrier(id) if capturing == Some(id) => {
                state.capturing = None;
                self.step(BarrierEvent::Received(self.arrival(channel, id)));
            }
            Barrier(id) if self.kind == BarrierKind::Unaligned => {
                state.queue.push_back(item);
                state.passed = Some(id);
                self.step(BarrierEvent::Received(self.arrival(channel, id)));
            }
            Barrier(id) => {
                state.queue.push_back(item);
                if self.kind == LIMIT {
                    self.step(BarrierEvent::Announced(self.arrival(channel, id)));
                }
            }
        }
        true
    }

    /// The task reads the next item of a channel.
    fn consume(&mut self, channel: usize) -> bool {
        let state = &mut self.channels[channel];
        if state.blocked || state.ended {
            return false;
        }
        match state.queue.pop_front() {
            None if state.closed => {
                state.ended = true;
                self.step(BarrierEvent::Ended { channel: ChannelIndex(channel as u32) });
            }
            None => return false,
            Some(Data(data)) => state.read.push(data),
            Some(Barrier(id)) if state.passed == Some(id) => {}
            Some(Barrier(id)) => self.step(BarrierEvent::Received(self.arrival(channel, id))),
            Some(Cancel(id)) => {
                let (channel, checkpoint) = (ChannelIndex(channel as u32), CheckpointId(id));
                self.step(BarrierEvent::Canceled { channel, checkpoint });
            }
        }
        true
    }

    /// All that can happen next, each in a copy.
    fn next(&self) -> Vec<Task> {
        let mut next = Vec::new();
        for channel in 0..self.channels.len() {
            for step in [Task::deliver, Task::consume] {
                let mut task = self.clone();
                if step(&mut task, channel) {
                    next.push(task);
                }
            }
        }
        if let Some(id) = self.timer {
            let mut task = self.clone();
            task.timer = None;
            task.step(BarrierEvent::TimedOut { checkpoint: CheckpointId(id) });
            next.push(task);
        }
        next
    }
}

fn closing(channel: usize, id: u64) -> BarrierEvent {
    let (channel, checkpoint) = (ChannelIndex(channel as u32), CheckpointId(id));
    BarrierEvent::Closed { channel, checkpoint }
}

/// What each channel brings before its barrier, all of it if it has none.
fn expected(scripts: &[&[Brings]], id: u64) -> Cut {
    let before = |script: &&[Brings]| {
        let until = script.iter().take_while(|item| **item != Barrier(id));
        let data = until.filter_map(|item| match item {
            Data(data) => Some(*data),
            Barrier(_) | Cancel(_) => None,
        });
        data.collect()
    };
    scripts.iter().map(before).collect()
}

/// Runs all orders; calls `check` with each end. How many states there are.
fn explore(start: Task, check: impl Fn(&Task)) -> usize {
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(task) = open.pop() {
        let next = task.next();
        if task.channels.iter().all(|channel| channel.closed) {
            // A reader may wait for what its own readers hold for this checkpoint.
            let canceled = |of: &Channel| of.queue.iter().any(|item| matches!(item, Cancel(_)));
            let overtakes = matches!(task.alignment.state, State::Overtaking(_))
                && !task.channels.iter().any(canceled);
            assert!(!overtakes, "all is here, and what overtakes waits for a read: {task:?}");
        }
        if next.is_empty() {
            for channel in &task.channels {
                assert!(channel.ended && !channel.blocked, "it hangs: {task:?}");
            }
            assert!(task.alignment.is_idle(), "unfinished: {task:?}");
            check(&task);
        }
        for task in next {
            if seen.insert(task.clone()) {
                open.push(task);
            }
        }
    }
    seen.len()
}

const KINDS: [BarrierKind; 3] = [BarrierKind::Aligned, LIMIT, BarrierKind::Unaligned];

/// In every order, each checkpoint of `complete` is complete and holds the cut, and no
/// other is.
fn check(scripts: &[&[Brings]], complete: &[u64]) {
    for kind in KINDS {
        let start = Task::new(scripts, kind, Guarantee::ExactlyOnce);
        let states = explore(start, |task| {
            assert!(task.complete.keys().eq(complete), "{complete:?} should be: {task:?}");
            for (id, cut) in &task.complete {
                assert_eq!(*cut, expected(scripts, *id), "the cut of {id}: {task:?}");
            }
        });
        assert!(states > scripts.len(), "something happened");
    }
}

#[test]
fn one_checkpoint_over_two_channels() {
    check(&[&[Data(1), Barrier(1), Data(2)], &[Data(3), Data(4), Barrier(1), Data(5)]], &[1]);
}

#[test]
fn one_checkpoint_over_three_channels() {
    check(&[&[Data(1), Barrier(1), Data(2)], &[Data(3), Barrier(1)], &[Barrier(1), Data(4)]], &[1]);
}

#[test]
fn two_checkpoints_one_after_another() {
    let scripts: [&[Brings]; 2] =
        [&[Barrier(1), Data(1), Barrier(2), Data(2)], &[Data(3), Barrier(1), Barrier(2)]];
    for kind in KINDS {
        explore(Task::new(&scripts, kind, Guarantee::ExactlyOnce), |task| {
            for (id, cut) in &task.complete {
                assert_eq!(*cut, expected(&scripts, *id), "the cut of {id}: {task:?}");
            }
            assert!(task.complete.contains_key(&2), "{task:?}");
            // Where barriers are seen before their turn, the second takes the place of the
            // first, unless a coordinator allows only one at a time.
            let first = task.complete.contains_key(&1) || task.aborted == [1];
            assert!(first && (kind != BarrierKind::Aligned || task.aborted.is_empty()), "{task:?}");
        });
    }
}

#[test]
fn a_later_checkpoint_takes_the_place_of_an_earlier_one() {
    let scripts: [&[Brings]; 2] =
        [&[Data(1), Barrier(1), Data(2), Barrier(2)], &[Data(3), Barrier(2)]];
    check(&scripts, &[2]);
    for kind in KINDS {
        explore(Task::new(&scripts, kind, Guarantee::ExactlyOnce), |task| {
            assert!(task.aborted.iter().all(|id| *id == 1), "{task:?}");
        });
    }
}

#[test]
fn channels_that_end_count_as_aligned() {
    check(&[&[Data(1), Barrier(1), Data(2)], &[Data(3)]], &[1]);
    check(&[&[Barrier(1)], &[], &[Data(1), Barrier(1), Data(2)]], &[1]);
}

#[test]
fn a_checkpoint_that_was_canceled_upstream_is_aborted_once_or_was_taken_before() {
    for kind in KINDS {
        let scripts: [&[Brings]; 3] =
            [&[Data(1), Barrier(1), Data(2)], &[Data(3), Cancel(1)], &[Barrier(1), Data(4)]];
        explore(Task::new(&scripts, kind, Guarantee::ExactlyOnce), |task| {
            assert_eq!(task.aborted, [1], "{task:?}");
            assert!(task.complete.is_empty() && task.captured.is_empty(), "{task:?}");
        });
    }
}

#[test]
fn a_cancellation_by_all_is_one_abort() {
    for kind in KINDS {
        let scripts: [&[Brings]; 2] = [&[Cancel(1), Barrier(2)], &[Data(1), Cancel(1), Barrier(2)]];
        explore(Task::new(&scripts, kind, Guarantee::ExactlyOnce), |task| {
            let skipped = task.aborted.is_empty() && kind != BarrierKind::Aligned;
            assert!(task.aborted == [1] || skipped, "{task:?}");
            assert_eq!(task.complete.get(&2), Some(&expected(&scripts, 2)), "{task:?}");
        });
    }
}

#[test]
fn at_least_once_blocks_nothing_and_loses_nothing() {
    for scripts in [
        [
            &[Barrier(1), Data(1), Barrier(2)] as &[Brings],
            &[Data(2), Barrier(1), Data(3), Barrier(2)],
        ],
        [&[Barrier(1), Barrier(2), Data(1)], &[Data(2), Barrier(2)]],
        [&[Barrier(1), Data(1)], &[Cancel(1), Barrier(2)]],
    ] {
        let kind = BarrierKind::Aligned;
        explore(Task::new(&scripts, kind, Guarantee::AtLeastOnce), |task| {
            for (id, cut) in &task.complete {
                for (held, least) in cut.iter().zip(expected(&scripts, *id)) {
                    assert!(held.starts_with(&least), "{id} lost something: {task:?}");
                }
            }
            let over = task.complete.len() + task.aborted.len();
            assert_eq!(over, 2, "each is complete or aborted: {task:?}");
        });
    }
}

/// What is done when the coordinator asks a task of two channels for a checkpoint, and then in each
/// further step.
fn asked(
    kind: BarrierKind,
    guarantee: Guarantee,
    then: &[BarrierEvent],
) -> Vec<Vec<BarrierAction>> {
    let barrier = CheckpointBarrier { checkpoint: CheckpointId(3), started_ms: 0, kind };
    let mut alignment = Alignment::new(2, guarantee);
    let mut done = Vec::new();
    for event in [BarrierEvent::Asked { barrier, now_ms: 0 }].iter().chain(then) {
        let (next, actions) = alignment.step(*event);
        next.verify_invariants();
        alignment = next;
        done.push(actions);
    }
    assert!(alignment.is_idle());
    done
}

#[test]
fn a_checkpoint_that_is_asked_for_waits_for_ends_to_be_read_or_captures_what_is_before_them() {
    let checkpoint = CheckpointId(3);
    let barrier = |kind| CheckpointBarrier { checkpoint, started_ms: 0, kind };
    let ended = [0, 1].map(|channel| BarrierEvent::Ended { channel: ChannelIndex(channel) });
    let trigger = BarrierAction::Trigger(barrier(BarrierKind::Aligned));
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let done = asked(BarrierKind::Aligned, guarantee, &ended);
        assert_eq!(done, [vec![], vec![], vec![trigger]]);
    }

    let closed =
        [0, 1].map(|channel| BarrierEvent::Closed { channel: ChannelIndex(channel), checkpoint });
    let overtakes = |first: Option<BarrierAction>| {
        let captures = [0, 1]
            .map(|channel| BarrierAction::Capture { channel: ChannelIndex(channel), checkpoint });
        let trigger = BarrierAction::Trigger(barrier(BarrierKind::Unaligned));
        first.into_iter().chain([trigger]).chain(captures).collect::<Vec<_>>()
    };
    let captured = vec![BarrierAction::Captured(checkpoint)];
    let done = asked(BarrierKind::Unaligned, Guarantee::ExactlyOnce, &closed);
    assert_eq!(done, [overtakes(None), vec![], captured.clone()]);

    let until: Vec<_> = [BarrierEvent::TimedOut { checkpoint }].into_iter().chain(closed).collect();
    let done = asked(LIMIT, Guarantee::ExactlyOnce, &until);
    let timer = BarrierAction::StartTimer { checkpoint, after: Duration::from_millis(10) };
    let trigger = match &done[1][0] {
        BarrierAction::Trigger(barrier) => barrier.overtakes(),
        _ => false,
    };
    assert!(done[0] == [timer] && trigger && done[1].len() == 3, "{done:?}");
    assert_eq!(done[2..], [vec![], captured]);
}

#[test]
fn counted_checkpoints_are_bounded() {
    let mut alignment = Alignment::new(2, Guarantee::AtLeastOnce);
    let mut aborted = Vec::new();
    for id in 0..60 {
        let checkpoint = CheckpointId(id);
        let barrier = CheckpointBarrier { checkpoint, started_ms: 0, kind: BarrierKind::Aligned };
        let arrival = Arrival { channel: ChannelIndex(0), barrier, now_ms: 0 };
        let (next, actions) = alignment.step(BarrierEvent::Received(arrival));
        next.verify_invariants();
        alignment = next;
        aborted.extend(actions);
    }
    let reasons = (50..60).map(|by| AbortReason::Subsumed(CheckpointId(by)));
    let expected = (0..10).map(CheckpointId).zip(reasons);
    let expected = expected.map(|(checkpoint, reason)| BarrierAction::Abort { checkpoint, reason });
    assert!(aborted.into_iter().eq(expected));
}

#[test]
fn time_that_went_by_upstream_counts() {
    let barrier = CheckpointBarrier { checkpoint: CheckpointId(7), started_ms: 100, kind: LIMIT };
    let check = |now_ms, expected: Option<u64>| {
        assert_eq!(barrier.time_left(now_ms), expected.map(Duration::from_millis));
    };
    check(90, Some(10));
    check(104, Some(6));
    check(110, Some(0));
    check(i64::MAX, Some(0));
    let alignment = Alignment::new(2, Guarantee::ExactlyOnce);
    let arrival = Arrival { channel: ChannelIndex(0), barrier, now_ms: 111 };
    let (_, actions) = alignment.step(BarrierEvent::Received(arrival));
    let (channel, checkpoint) = (ChannelIndex(1), CheckpointId(7));
    let capture = BarrierAction::Capture { channel, checkpoint };
    assert_eq!(actions, [BarrierAction::Trigger(barrier.unaligned()), capture]);
}

#[test]
#[should_panic(expected = "a second barrier")]
fn a_channel_brings_each_barrier_once() {
    let mut alignment = Alignment::new(2, Guarantee::AtLeastOnce);
    for _ in 0..2 {
        let checkpoint = CheckpointId(1);
        let barrier = CheckpointBarrier { checkpoint, started_ms: 0, kind: BarrierKind::Aligned };
        let arrival = Arrival { channel: ChannelIndex(0), barrier, now_ms: 0 };
        alignment = alignment.step(BarrierEvent::Received(arrival)).0;
    }
}
