//! A sender against one that keeps everything in lists and works all else out anew.

use super::*;
use crate::{
    Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
    wire::{SeqNo, WireEvent},
};
use proptest::{collection::vec, prelude::*};

const BYTES: u32 = 10;
const HIGH: u32 = 40;
const LOW: u32 = 20;

/// Everything that was ever said, in order.
#[derive(Default)]
struct Twin {
    queue: Vec<Waiting<u32>>,
    urgent: Vec<WireEvent>,
    holds_at_barriers: bool,
    credit: u32,
    held: Option<CheckpointId>,
    last_told: u32,
    in_flight: u32,
    paused: bool,
}

impl Twin {
    fn is_hold(&self, waiting: &Waiting<u32>) -> bool {
        let Waiting::Event(Event::Barrier(barrier)) = waiting else { return false };
        self.holds_at_barriers && !barrier.overtakes()
    }

    fn backlog(&self) -> u32 {
        if self.held.is_some() {
            return 0;
        }
        let end = self.queue.iter().position(|waiting| self.is_hold(waiting));
        let sendable = &self.queue[..end.unwrap_or(self.queue.len())];
        sendable.iter().filter(|waiting| matches!(waiting, Waiting::Data(..))).count() as u32
    }

    fn data(&self) -> Vec<u32> {
        let data = self.queue.iter().filter_map(|waiting| match waiting {
            Waiting::Data(payload, _) => Some(*payload),
            Waiting::Event(_) => None,
        });
        data.collect()
    }

    fn next(&mut self) -> Option<(What<u32>, u32)> {
        let what = if !self.urgent.is_empty() {
            What::Event(self.urgent.remove(0))
        } else if self.held.is_some() {
            return None;
        } else {
            match self.queue.first()? {
                Waiting::Data(payload, _) if self.credit > 0 => {
                    if self.paused {
                        return None;
                    }
                    let payload = *payload;
                    self.queue.remove(0);
                    self.credit -= 1;
                    self.in_flight += BYTES;
                    self.paused |= self.in_flight >= HIGH;
                    What::Data(payload)
                }
                Waiting::Data(..) if self.last_told == 0 => What::Backlog,
                Waiting::Data(..) => return None,
                waiting @ Waiting::Event(event) => {
                    let event = *event;
                    if let (true, Event::Barrier(barrier)) = (self.is_hold(waiting), event) {
                        self.held = Some(barrier.checkpoint);
                    }
                    self.queue.remove(0);
                    What::Event(WireEvent::InChannel(event))
                }
            }
        };
        self.last_told = self.backlog();
        Some((what, self.last_told))
    }

    fn written(&mut self) {
        self.in_flight -= BYTES;
        self.paused &= self.in_flight > LOW;
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Data,
    Aligned,
    Unaligned,
    Credit(u32),
    Resume,
    Send,
    Written,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Data),
        1 => Just(Step::Aligned),
        1 => Just(Step::Unaligned),
        2 => (1u32..4).prop_map(Step::Credit),
        1 => Just(Step::Resume),
        6 => Just(Step::Send),
        3 => Just(Step::Written),
    ]
}

proptest! {
    #[test]
    fn a_sender_does_what_its_twin_does(holds in any::<bool>(), steps in vec(step(), 0..300)) {
        let marks = Marks::new(HIGH, LOW);
        let mut sender = Sender::new(SenderOptions { marks, holds_at_barriers: holds });
        let mut twin = Twin { holds_at_barriers: holds, ..Twin::default() };
        let (mut made, mut sent, mut heard) = (0, SeqNo::FIRST, SeqNo::FIRST);
        for step in steps {
            let checkpoint = CheckpointId(u64::from(made) + 1);
            let barrier = |kind| CheckpointBarrier { checkpoint, started_ms: 0, kind };
            match step {
                Step::Data => {
                    made += 1;
                    twin.queue.push(Waiting::Data(made, BYTES));
                    prop_assert_eq!(sender.step(SenderEvent::Data(made, BYTES)), Ok(vec![]));
                }
                Step::Aligned => {
                    made += 1;
                    let event = Event::Barrier(barrier(BarrierKind::Aligned));
                    twin.queue.push(Waiting::Event(event));
                    prop_assert_eq!(sender.step(SenderEvent::Event(event)), Ok(vec![]));
                }
                Step::Unaligned => {
                    made += 1;
                    let event = Event::Barrier(barrier(BarrierKind::Unaligned));
                    twin.urgent.push(WireEvent::InChannel(event));
                    prop_assert_eq!(sender.step(SenderEvent::Event(event)), Ok(twin.data()));
                }
                Step::Credit(credit) => {
                    twin.credit += credit;
                    let step = SenderEvent::Credit { sequence: heard, credit };
                    heard = heard.next();
                    prop_assert_eq!(sender.step(step), Ok(vec![]));
                }
                Step::Resume => {
                    let Some(checkpoint) = twin.held.take() else { continue };
                    let step = SenderEvent::Resumed { sequence: heard, checkpoint };
                    heard = heard.next();
                    prop_assert_eq!(sender.step(step), Ok(vec![]));
                }
                Step::Send => {
                    let expected = twin.next();
                    prop_assert_eq!(sender.is_ready(), expected.is_some());
                    let sending = sender.next();
                    if let Some(sending) = &sending {
                        prop_assert_eq!(sending.sequence, sent);
                        sent = sent.next();
                    }
                    prop_assert_eq!(sending.map(|s| (s.what, s.backlog)), expected);
                }
                Step::Written if twin.in_flight > 0 => {
                    twin.written();
                    prop_assert_eq!(sender.step(SenderEvent::Written(BYTES)), Ok(vec![]));
                }
                Step::Written => {}
            }
            sender.verify_invariants();
        }
    }
}
