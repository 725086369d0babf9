//! The step function: which channels wait, and when a task takes its checkpoint.

use std::{collections::VecDeque, time::Duration};

use super::{ChannelSet, CheckpointBarrier, CheckpointId, Guarantee};
use crate::ChannelIndex;

/// Checkpoints that may be under way at once where no channel waits; of more, the
/// oldest is given up. As many as Flink keeps.
const COUNTED_MAX: usize = 50;

/// A barrier that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// Where.
    pub channel: ChannelIndex,
    /// The barrier.
    pub barrier: CheckpointBarrier,
    /// When, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What happened. Channels are numbered over all gates of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BarrierEvent {
    /// A barrier that has limited time to align has come into the queue of its channel.
    /// It may be long until it is received, and its time runs.
    Announced(Arrival),
    /// A barrier is next in its channel, or has overtaken what was before it.
    Received(Arrival),
    /// The producer of a channel says that a checkpoint was given up.
    Canceled {
        /// Where that came.
        channel: ChannelIndex,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// The coordinator wants a checkpoint of a task whose producers have all finished, so that no
    /// barrier comes, though their ends may not have been read.
    Asked {
        /// What the task is to pass on.
        barrier: CheckpointBarrier,
        /// When, in milliseconds since 1970.
        now_ms: i64,
    },
    /// The end of a channel that is captured for a checkpoint waits in the channel: no barrier
    /// will come, and all that was to be captured has come.
    Closed {
        /// The channel.
        channel: ChannelIndex,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// All of a channel was read.
    Ended {
        /// The channel.
        channel: ChannelIndex,
    },
    /// A timer that was asked for has run out.
    TimedOut {
        /// The checkpoint it was for.
        checkpoint: CheckpointId,
    },
}

/// What the task is to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BarrierAction {
    /// Read no more of the channel.
    Block(ChannelIndex),
    /// Read on.
    Unblock(ChannelIndex),
    /// Say when so much time has passed; a timer for an earlier checkpoint is void.
    StartTimer {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// How long.
        after: Duration,
    },
    /// Pass the barrier on and take the checkpoint: now, between two records. When it is
    /// [`super::BarrierKind::Unaligned`], it goes before all that the outputs hold.
    Trigger(CheckpointBarrier),
    /// Capture what is in the channel before the checkpoint's barrier, now and to come.
    /// If the barrier has overtaken it, that is what it has overtaken; if it waits in the
    /// channel, or comes, it overtakes.
    Capture {
        /// The channel.
        channel: ChannelIndex,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Everything that the checkpoint has to capture has come.
    Captured(CheckpointId),
    /// The checkpoint will not be: tell the outputs, forget what was captured.
    Abort {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Why.
        reason: AbortReason,
    },
}

/// Why a checkpoint was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AbortReason {
    /// A task upstream gave it up.
    Upstream,
    /// A later one has begun.
    Subsumed(CheckpointId),
}

/// A checkpoint of which some barriers have come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    barrier: CheckpointBarrier,
    /// Channels whose barrier was received, or which were captured to their end.
    arrived: ChannelSet,
}

impl Pending {
    fn checkpoint(&self) -> CheckpointId {
        self.barrier.checkpoint
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// No checkpoint is under way.
    Waiting,
    /// Channels that have arrived are blocked.
    Aligning(Pending),
    /// The checkpoint is taken; channels that have not arrived are captured.
    Overtaking(Pending),
    /// At least once: no channel waits, checkpoints are told apart by counting; the
    /// earliest first.
    Counting(VecDeque<Pending>),
}

/// How the channels of a task agree on checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alignment {
    state: State,
    /// Channels that were read to their end.
    ended: ChannelSet,
    /// The latest checkpoint that was decided, one way or the other. What is not later
    /// is over.
    decided: Option<CheckpointId>,
}

impl Alignment {
    /// For a task of so many channels.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(channels: u32, guarantee: Guarantee) -> Self {
        assert!(channels > 0, "only a task with inputs aligns them");
        let state = match guarantee {
            Guarantee::ExactlyOnce => State::Waiting,
            Guarantee::AtLeastOnce => State::Counting(VecDeque::new()),
        };
        Self { state, ended: ChannelSet::none_of(channels), decided: None }
    }

    /// One step.
    ///
    /// # Panics
    /// If a channel does what no producer does: a barrier twice, anything after its end.
    #[must_use]
    pub fn step(mut self, event: BarrierEvent) -> (Self, Vec<BarrierAction>) {
        let mut actions = Vec::new();
        match event {
            BarrierEvent::Announced(arrival) => {
                self.verify_open(arrival.channel);
                if self.is_news(arrival.barrier.checkpoint) && self.aligns() {
                    self.begin((arrival.barrier, arrival.now_ms), self.none(), &mut actions);
                }
            }
            BarrierEvent::Asked { barrier, now_ms } => {
                if self.is_news(barrier.checkpoint) {
                    self.begin((barrier, now_ms), self.none(), &mut actions);
                    self.settle(&mut actions);
                }
            }
            BarrierEvent::Received(arrival) => {
                self.verify_open(arrival.channel);
                self.receive(arrival, &mut actions);
            }
            BarrierEvent::Canceled { channel, checkpoint } => {
                self.verify_open(channel);
                self.cancel(checkpoint, &mut actions);
            }
            BarrierEvent::Closed { channel, checkpoint } => {
                self.verify_open(channel);
                // To wait until the end is read could be for ever: the task may wait for segments
                // that its readers hold for this checkpoint.
                if self.is_overtaking(checkpoint) {
                    self.arrive(channel, checkpoint);
                    self.settle(&mut actions);
                }
            }
            BarrierEvent::Ended { channel } => {
                assert!(self.ended.insert(channel), "{channel:?} ends once");
                self.settle(&mut actions);
            }
            BarrierEvent::TimedOut { checkpoint } => {
                if self.is_aligning(checkpoint) {
                    self.overtake(&self.blocked(), &mut actions);
                    self.settle(&mut actions);
                }
            }
        }
        (self, actions)
    }

    /// The channels that are blocked.
    pub fn blocked(&self) -> ChannelSet {
        match &self.state {
            State::Aligning(pending) => pending.arrived.clone(),
            _ => self.none(),
        }
    }

    /// Whether no checkpoint is under way.
    pub fn is_idle(&self) -> bool {
        match &self.state {
            State::Waiting => true,
            State::Aligning(_) | State::Overtaking(_) => false,
            State::Counting(pending) => pending.is_empty(),
        }
    }

    /// Checks what must hold between steps.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn verify_invariants(&self) {
        let under_way: Vec<&Pending> = match &self.state {
            State::Waiting => Vec::new(),
            State::Aligning(pending) | State::Overtaking(pending) => vec![pending],
            State::Counting(pending) => pending.iter().collect(),
        };
        assert!(under_way.is_sorted_by_key(|pending| pending.checkpoint()), "in order: {self:?}");
        assert!(under_way.len() <= COUNTED_MAX, "bounded: {self:?}");
        for pending in under_way {
            assert!(self.is_undecided(pending.checkpoint()), "under way and over: {self:?}");
            assert!(!self.is_complete(pending), "all barriers came, and it waits: {self:?}");
        }
    }

    fn verify_open(&self, channel: ChannelIndex) {
        assert!(!self.ended.contains(channel), "nothing comes after the end of {channel:?}");
    }

    fn none(&self) -> ChannelSet {
        ChannelSet::none_of(self.ended.channels())
    }

    fn is_aligning(&self, checkpoint: CheckpointId) -> bool {
        matches!(&self.state, State::Aligning(pending) if pending.checkpoint() == checkpoint)
    }

    fn is_overtaking(&self, checkpoint: CheckpointId) -> bool {
        matches!(&self.state, State::Overtaking(pending) if pending.checkpoint() == checkpoint)
    }

    fn aligns(&self) -> bool {
        !matches!(self.state, State::Counting(_))
    }

    fn is_undecided(&self, checkpoint: CheckpointId) -> bool {
        self.decided.is_none_or(|decided| decided < checkpoint)
    }

    /// Whether the checkpoint is neither over nor under way, nor older than one that is.
    fn is_news(&self, checkpoint: CheckpointId) -> bool {
        let later = match &self.state {
            State::Waiting => true,
            State::Aligning(pending) | State::Overtaking(pending) => {
                pending.checkpoint() < checkpoint
            }
            State::Counting(pending) => pending.iter().all(|p| p.checkpoint() != checkpoint),
        };
        later && self.is_undecided(checkpoint)
    }

    fn is_complete(&self, pending: &Pending) -> bool {
        pending.arrived.in_neither(&self.ended).next().is_none()
    }

    /// Begins a checkpoint that is news, of which these channels' barriers are here; one
    /// that is under way is given up for it.
    fn begin(
        &mut self,
        (barrier, now_ms): (CheckpointBarrier, i64),
        here: ChannelSet,
        actions: &mut Vec<BarrierAction>,
    ) {
        let pending = Pending { barrier, arrived: here };
        if let State::Counting(counted) = &mut self.state {
            let at = counted.partition_point(|p| p.checkpoint() < barrier.checkpoint);
            counted.insert(at, pending);
            if counted.len() > COUNTED_MAX {
                let oldest = counted[0].checkpoint();
                self.abort_counted(oldest, AbortReason::Subsumed(barrier.checkpoint), actions);
            }
            return;
        }
        self.give_up(AbortReason::Subsumed(barrier.checkpoint), actions);
        let blocks = pending.arrived.iter().map(BarrierAction::Block).collect::<Vec<_>>();
        self.state = State::Aligning(pending);
        match barrier.time_left(now_ms) {
            None if !barrier.overtakes() => actions.extend(blocks),
            Some(after) if after > Duration::ZERO => {
                actions.push(BarrierAction::StartTimer { checkpoint: barrier.checkpoint, after });
                actions.extend(blocks);
            }
            // It overtakes, or its time went by upstream.
            _ => self.overtake(&self.none(), actions),
        }
    }

    fn receive(&mut self, arrival: Arrival, actions: &mut Vec<BarrierAction>) {
        let Arrival { channel, barrier, .. } = arrival;
        let checkpoint = barrier.checkpoint;
        if self.is_news(checkpoint) {
            let mut here = self.none();
            if !barrier.overtakes() || !self.aligns() {
                here.insert(channel);
            }
            let arrived = here.contains(channel);
            self.begin((barrier, arrival.now_ms), here, actions);
            if !arrived {
                self.arrive(channel, checkpoint);
            }
        } else {
            if barrier.overtakes() && self.is_aligning(checkpoint) {
                // A task upstream had no more time.
                self.overtake(&self.blocked(), actions);
            }
            if self.arrive(channel, checkpoint) && self.is_aligning(checkpoint) {
                actions.push(BarrierAction::Block(channel));
            }
        }
        self.settle(actions);
    }

    /// Notes the barrier of a channel; false when it is of a checkpoint that is over.
    fn arrive(&mut self, channel: ChannelIndex, checkpoint: CheckpointId) -> bool {
        let pending = match &mut self.state {
            State::Waiting => None,
            State::Aligning(pending) | State::Overtaking(pending) => Some(pending),
            State::Counting(counted) => counted.iter_mut().find(|p| p.checkpoint() == checkpoint),
        };
        let Some(pending) = pending.filter(|pending| pending.checkpoint() == checkpoint) else {
            return false;
        };
        assert!(pending.arrived.insert(channel), "a second barrier {checkpoint:?} of {channel:?}");
        true
    }

    /// From aligning to overtaking: takes the checkpoint, and captures what is missing.
    fn overtake(&mut self, blocked: &ChannelSet, actions: &mut Vec<BarrierAction>) {
        let State::Aligning(pending) = std::mem::replace(&mut self.state, State::Waiting) else {
            unreachable!("only what aligns turns into what overtakes")
        };
        actions.extend(blocked.iter().map(BarrierAction::Unblock));
        actions.push(BarrierAction::Trigger(pending.barrier.unaligned()));
        let checkpoint = pending.checkpoint();
        let missing = pending.arrived.in_neither(&self.ended);
        actions.extend(missing.map(|channel| BarrierAction::Capture { channel, checkpoint }));
        self.state = State::Overtaking(pending);
    }

    /// Ends what is complete.
    fn settle(&mut self, actions: &mut Vec<BarrierAction>) {
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Aligning(pending) if self.is_complete(&pending) => {
                self.decided = Some(pending.checkpoint());
                actions.push(BarrierAction::Trigger(pending.barrier));
                actions.extend(pending.arrived.iter().map(BarrierAction::Unblock));
            }
            State::Overtaking(pending) if self.is_complete(&pending) => {
                self.decided = Some(pending.checkpoint());
                actions.push(BarrierAction::Captured(pending.checkpoint()));
            }
            State::Counting(counted) => self.settle_counted(counted, actions),
            unfinished => self.state = unfinished,
        }
    }

    /// Triggers what is complete; what is older will not be any more.
    fn settle_counted(&mut self, mut counted: VecDeque<Pending>, actions: &mut Vec<BarrierAction>) {
        while let Some(at) = counted.iter().position(|pending| self.is_complete(pending)) {
            let complete = counted.remove(at).expect("it was found there");
            let checkpoint = complete.checkpoint();
            for older in counted.drain(..at) {
                let reason = AbortReason::Subsumed(checkpoint);
                actions.push(BarrierAction::Abort { checkpoint: older.checkpoint(), reason });
            }
            self.decided = Some(checkpoint);
            actions.push(BarrierAction::Trigger(complete.barrier));
        }
        self.state = State::Counting(counted);
    }

    fn cancel(&mut self, checkpoint: CheckpointId, actions: &mut Vec<BarrierAction>) {
        if !self.is_undecided(checkpoint) {
            return;
        }
        if !self.aligns() {
            self.abort_counted(checkpoint, AbortReason::Upstream, actions);
            return;
        }
        let under_way = match &self.state {
            State::Aligning(pending) | State::Overtaking(pending) => Some(pending.checkpoint()),
            State::Waiting | State::Counting(_) => None,
        };
        if under_way.is_some_and(|under_way| under_way > checkpoint) {
            return;
        }
        if under_way == Some(checkpoint) {
            self.give_up(AbortReason::Upstream, actions);
            return;
        }
        // Whoever skipped to this one will not send the barrier of an earlier one.
        self.give_up(AbortReason::Subsumed(checkpoint), actions);
        self.decided = Some(checkpoint);
        let reason = AbortReason::Upstream;
        actions.push(BarrierAction::Abort { checkpoint, reason });
    }

    /// Gives up the checkpoint that is under way, if there is one.
    fn give_up(&mut self, reason: AbortReason, actions: &mut Vec<BarrierAction>) {
        let blocked = self.blocked();
        let state = std::mem::replace(&mut self.state, State::Waiting);
        let (State::Aligning(pending) | State::Overtaking(pending)) = state else { return };
        self.decided = Some(pending.checkpoint());
        actions.push(BarrierAction::Abort { checkpoint: pending.checkpoint(), reason });
        actions.extend(blocked.iter().map(BarrierAction::Unblock));
    }

    /// Gives up a counted checkpoint and all before it.
    fn abort_counted(
        &mut self,
        checkpoint: CheckpointId,
        reason: AbortReason,
        actions: &mut Vec<BarrierAction>,
    ) {
        let State::Counting(counted) = &mut self.state else { return };
        while counted.front().is_some_and(|pending| pending.checkpoint() < checkpoint) {
            let older = counted.pop_front().expect("it was looked at").checkpoint();
            let reason = AbortReason::Subsumed(checkpoint);
            actions.push(BarrierAction::Abort { checkpoint: older, reason });
        }
        if counted.front().is_some_and(|pending| pending.checkpoint() == checkpoint) {
            counted.pop_front();
        }
        self.decided = Some(checkpoint);
        actions.push(BarrierAction::Abort { checkpoint, reason });
    }
}

#[cfg(test)]
mod tests;
