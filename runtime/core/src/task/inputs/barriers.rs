//! What a task does about barriers.

use brisk_memory::driver::Instant64;
use brisk_network::{
    ChannelIndex, Event, Item, Polled,
    barrier::{
        AbortReason, Alignment, Arrival, BarrierAction, BarrierEvent, CheckpointBarrier,
        CheckpointId, Guarantee,
    },
};
use std::{collections::VecDeque, time::Duration};

use super::Input;
use crate::task::snapshot::ChannelCut;

/// What is to be done between two drives, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Pass the barrier on and take the checkpoint.
    Trigger {
        barrier: CheckpointBarrier,
        /// Whether in-flight buffers are part of it: [`Due::Captured`] follows.
        captures: bool,
    },
    /// All in-flight buffers of the checkpoint are there.
    Captured(CheckpointId),
    /// Tell the outputs and the coordinator that there will be no such checkpoint.
    Abort(CheckpointId, AbortReason),
}

/// The time that a checkpoint's alignment may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deadline {
    checkpoint: CheckpointId,
    at: Instant64,
}

/// The present, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant64,
    pub(crate) wall_ms: i64,
}

/// The barriers of all inputs of a task.
#[derive(Debug)]
pub(crate) struct Barriers {
    inputs: Vec<Input>,
    /// None for a source.
    alignment: Option<Alignment>,
    due: VecDeque<Due>,
    deadline: Option<Deadline>,
    /// When what is captured so far is to be copied.
    copies: Option<Deadline>,
    /// When the first barrier of the checkpoint under way came.
    began: Option<Instant64>,
    /// What readers had in hand of channels that are captured, and what was copied since, oldest
    /// first, and for which checkpoint.
    in_hand: Vec<(CheckpointId, ChannelCut)>,
}

/// After so long a capture that waits for barriers has been copied, and the segments are given back.
/// While their producers are short of them those barriers may not come: one that is aligned, its time
/// not over, may wait behind the records of a producer that has no segment.
const COPIED_AFTER: Duration = Duration::from_millis(5);

impl Barriers {
    pub(crate) fn new(inputs: Vec<Input>, guarantee: Guarantee) -> Self {
        let channels: u32 = inputs.iter().map(|input| input.channels).sum();
        let alignment = (channels > 0).then(|| Alignment::new(channels, guarantee));
        let (due, in_hand) = (VecDeque::new(), Vec::new());
        Self { inputs, alignment, due, deadline: None, copies: None, began: None, in_hand }
    }

    /// The inputs, in the order of the plan.
    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    pub(crate) fn next_due(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    /// Takes what the gate of `input` said instead of giving a buffer. A time to be woken at.
    pub(crate) fn polled(&mut self, input: usize, polled: Polled, now: Now) -> Option<Instant64> {
        let first = self.inputs[input].first;
        let all = |channel: ChannelIndex| ChannelIndex(first + channel.0);
        let arrival = |channel, barrier| Arrival { channel, barrier, now_ms: now.wall_ms };
        let event = match polled {
            Polled::Announced(channel, barrier) => {
                BarrierEvent::Announced(arrival(all(channel), barrier))
            }
            Polled::Closed(channel, checkpoint) => {
                BarrierEvent::Closed { channel: all(channel), checkpoint }
            }
            Polled::Item(channel, Item::Event(event)) => match event {
                Event::Barrier(barrier) => BarrierEvent::Received(arrival(all(channel), barrier)),
                Event::CancelCheckpoint(checkpoint) => {
                    BarrierEvent::Canceled { channel: all(channel), checkpoint }
                }
                Event::EndOfPartition => BarrierEvent::Ended { channel: all(channel) },
            },
            Polled::Item(_, Item::Buffer(_)) | Polled::Empty | Polled::Ended => {
                unreachable!("{polled:?} has nothing to do with barriers")
            }
        };
        if matches!(event, BarrierEvent::Received(_)) {
            self.began.get_or_insert(now.instant);
        }
        self.step(event, now)
    }

    /// Looks at what goes before all that waits in the gates, and at the time. Called whether the
    /// task may read or not. A time to be woken at: a task that may not read hears of it only then.
    pub(crate) fn poll_urgent(&mut self, now: Now) -> Option<Instant64> {
        let mut wakes = None;
        for input in 0..self.inputs.len() {
            loop {
                let polled = self.inputs[input].gate.borrow_mut().poll_urgent();
                let Some(polled) = polled else { break };
                wakes = self.polled(input, polled, now).or(wakes);
            }
        }
        if let Some(Deadline { checkpoint, .. }) = self.deadline.take_if(|it| it.at <= now.instant)
        {
            wakes = self.step(BarrierEvent::TimedOut { checkpoint }, now).or(wakes);
        }
        wakes
    }

    /// Copies what is captured so far of a checkpoint that has waited for more long enough: which one,
    /// and when to do so again.
    pub(crate) fn copy_captured(&mut self, now: Now) -> Option<(CheckpointId, Instant64)> {
        let copies = self.copies.as_mut().filter(|copies| copies.at <= now.instant)?;
        copies.at = now.instant + COPIED_AFTER;
        let Deadline { checkpoint, at } = *copies;
        for (number, input) in self.inputs.iter().enumerate() {
            let captured = input.gate.borrow_mut().take_captured_so_far(checkpoint);
            let cuts = captured.into_iter().map(|(channel, buffers)| {
                ChannelCut::of_input(number as u32, channel, buffers).into_copies()
            });
            self.in_hand.extend(cuts.map(|cut| (checkpoint, cut)));
        }
        Some((checkpoint, at))
    }

    /// Whether what was in flight in an earlier run is still being read. No barrier overtakes that,
    /// and so no checkpoint may be under way: what it had captured of others would keep their
    /// segments from them while it waits for this task.
    pub(crate) fn is_recovering(&self) -> bool {
        self.inputs.iter().any(|input| !input.state.borrow().recovered.is_empty())
    }

    /// Whether [`Barriers::poll_urgent`] would find something.
    pub(crate) fn is_urgent(&self, now: impl Fn() -> Instant64) -> bool {
        if self.is_recovering() {
            return false;
        }
        let queued = self.inputs.iter().any(|input| input.gate.borrow().has_urgent());
        queued || [self.deadline, self.copies].into_iter().flatten().any(|it| it.at <= now())
    }

    /// The coordinator asks for a checkpoint: of a source, or of a task whose producers have ended.
    /// A time to be woken at.
    pub(crate) fn ask(&mut self, barrier: CheckpointBarrier, now: Now) -> Option<Instant64> {
        if self.alignment.is_some() {
            return self.step(BarrierEvent::Asked { barrier, now_ms: now.wall_ms }, now);
        }
        self.due.push_back(Due::Trigger { barrier, captures: false });
        None
    }

    fn step(&mut self, event: BarrierEvent, now: Now) -> Option<Instant64> {
        let alignment = self.alignment.take().expect("only a task with inputs hears of barriers");
        let (alignment, actions) = alignment.step(event);
        self.alignment = Some(alignment);
        let mut wakes = None;
        for action in actions {
            match action {
                BarrierAction::Block(channel) => {
                    let (input, channel) = self.local(channel);
                    self.inputs[input].gate.borrow_mut().block(channel);
                }
                BarrierAction::Unblock(channel) => {
                    let (input, channel) = self.local(channel);
                    self.inputs[input].gate.borrow_mut().unblock(channel);
                }
                BarrierAction::StartTimer { checkpoint, after } => {
                    // A millisecond more, since the part of one that has passed is not known.
                    let at = now.instant + after + Duration::from_millis(1);
                    self.deadline = Some(Deadline { checkpoint, at });
                    wakes = Some(at);
                }
                BarrierAction::Trigger(barrier) => {
                    let captures = barrier.overtakes();
                    self.due.push_back(Due::Trigger { barrier, captures });
                }
                BarrierAction::Capture { channel, checkpoint } => {
                    self.capture(channel, checkpoint);
                    let at = now.instant + COPIED_AFTER;
                    self.copies = Some(Deadline { checkpoint, at });
                    wakes = Some(at);
                }
                BarrierAction::Captured(checkpoint) => {
                    self.copies = None;
                    wakes = None;
                    self.due.push_back(Due::Captured(checkpoint));
                }
                BarrierAction::Abort { checkpoint, reason } => {
                    self.copies.take_if(|copies| copies.checkpoint == checkpoint);
                    self.due.push_back(Due::Abort(checkpoint, reason));
                }
            }
        }
        wakes
    }

    /// How long ago the first barrier of the checkpoint came that is over now.
    pub(crate) fn take_alignment(&mut self, now: Instant64) -> Duration {
        self.began.take().map_or(Duration::ZERO, |began| now.saturating_since(began))
    }

    /// The input of a channel, and its number there.
    fn local(&self, channel: ChannelIndex) -> (usize, ChannelIndex) {
        let input = self.inputs.partition_point(|input| input.first <= channel.0) - 1;
        (input, ChannelIndex(channel.0 - self.inputs[input].first))
    }

    fn capture(&mut self, channel: ChannelIndex, checkpoint: CheckpointId) {
        let (at, channel) = self.local(channel);
        let input = &self.inputs[at];
        input.gate.borrow_mut().capture(channel, checkpoint);
        let cut = ChannelCut::in_hand(at as u32, channel, &input.state.borrow());
        self.in_hand.extend(cut.map(|cut| (checkpoint, cut)));
    }

    /// Everything that was captured for `checkpoint` at the inputs.
    pub(crate) fn take_captured(&mut self, checkpoint: CheckpointId) -> Vec<ChannelCut> {
        // A later one may have begun already.
        let in_hand = self.in_hand.extract_if(.., |(of, _)| *of <= checkpoint);
        let in_hand = in_hand.filter(|(of, _)| *of == checkpoint);
        let mut cuts: Vec<ChannelCut> = in_hand.map(|(_, cut)| cut).collect();
        for (at, input) in self.inputs.iter().enumerate() {
            let captured = input.gate.borrow_mut().take_captured(checkpoint);
            for (channel, buffers) in captured {
                cuts.push(ChannelCut::of_input(at as u32, channel, buffers));
            }
        }
        cuts
    }
}
