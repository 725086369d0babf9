use super::*;
use crate::{
    ChannelIndex, Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
    wire::{CREDIT_MAX, SeqNo, WireEvent},
};
use proptest::prelude::*;
use std::time::Duration;

fn marks() -> Marks {
    Marks::new(1000, 400)
}

fn sender(holds_at_barriers: bool) -> Sender<u32> {
    Sender::new(SenderOptions { marks: marks(), holds_at_barriers })
}

fn barrier(checkpoint: u64, kind: BarrierKind) -> Event {
    let checkpoint = CheckpointId(checkpoint);
    Event::Barrier(CheckpointBarrier { checkpoint, started_ms: 0, kind })
}

/// A sender and the numbers of its consumer's frames.
struct End {
    sender: Sender<u32>,
    consumer: SeqNo,
}

impl End {
    fn new(holds_at_barriers: bool) -> Self {
        Self { sender: sender(holds_at_barriers), consumer: SeqNo::FIRST }
    }

    fn data(&mut self, payload: u32) {
        self.step(SenderEvent::Data(payload, 100));
    }

    fn event(&mut self, event: Event) -> Vec<u32> {
        self.step(SenderEvent::Event(event))
    }

    fn credit(&mut self, credit: u32) {
        let sequence = self.number();
        self.step(SenderEvent::Credit { sequence, credit });
    }

    fn number(&mut self) -> SeqNo {
        let sequence = self.consumer;
        self.consumer = sequence.next();
        sequence
    }

    fn step(&mut self, event: SenderEvent<u32>) -> Vec<u32> {
        let overtaken = self.sender.step(event).expect("its peer keeps the protocol");
        self.sender.verify_invariants();
        overtaken
    }

    /// All that can be sent now: contents and backlogs.
    fn sent(&mut self) -> Vec<(What<u32>, u32)> {
        let mut sent = Vec::new();
        while let Some(sending) = self.sender.next() {
            self.sender.verify_invariants();
            sent.push((sending.what, sending.backlog));
        }
        sent
    }
}

fn in_channel(event: Event) -> What<u32> {
    What::Event(WireEvent::InChannel(event))
}

#[test]
fn a_sender_tells_its_backlog_once_and_sends_by_credit() {
    let mut end = End::new(false);
    end.data(1);
    end.data(2);
    assert_eq!(end.sent(), [(What::Backlog, 2)]);
    end.data(3);
    assert_eq!(end.sent(), [], "the consumer knows that something waits");
    end.credit(2);
    assert_eq!(end.sent(), [(What::Data(1), 2), (What::Data(2), 1)]);
    end.event(Event::EndOfPartition);
    assert_eq!(end.sent(), [], "the end is in order behind the data");
    end.credit(1);
    assert_eq!(end.sent(), [(What::Data(3), 0), (in_channel(Event::EndOfPartition), 0)]);
    assert!(end.sender.is_done());
}

#[test]
fn a_barrier_overtakes_and_names_what_it_overtook() {
    let mut end = End::new(false);
    end.credit(1);
    (1..4).for_each(|payload| end.data(payload));
    assert_eq!(end.sent(), [(What::Data(1), 2)]);
    let barrier = barrier(5, BarrierKind::Unaligned);
    assert_eq!(end.event(barrier), [2, 3]);
    assert_eq!(end.sent(), [(in_channel(barrier), 2)]);
}

#[test]
fn a_barrier_of_limited_time_is_announced_and_overtakes_when_it_is_over() {
    let mut end = End::new(false);
    end.data(1);
    let limited = barrier(5, BarrierKind::AlignedUntil(Duration::from_secs(1)));
    assert_eq!(end.event(limited), []);
    end.data(2);
    let Event::Barrier(announced) = limited else { panic!("it is a barrier") };
    let announced = What::Event(WireEvent::Announced(announced));
    assert_eq!(end.sent(), [(announced, 2)], "which also tells the backlog");
    assert_eq!(end.step(SenderEvent::TimedOut(CheckpointId(4))), []);
    assert_eq!(end.step(SenderEvent::TimedOut(CheckpointId(5))), [1]);
    assert_eq!(end.sent(), [(in_channel(barrier(5, BarrierKind::Unaligned)), 2)]);
    end.credit(2);
    assert_eq!(end.sent(), [(What::Data(1), 1), (What::Data(2), 0)]);
}

#[test]
fn data_behind_a_barrier_is_held_and_not_counted_until_the_consumer_goes_on() {
    let mut end = End::new(true);
    end.credit(2);
    end.data(1);
    let aligned = barrier(5, BarrierKind::Aligned);
    end.event(aligned);
    end.data(2);
    assert_eq!(end.sent(), [(What::Data(1), 0), (in_channel(aligned), 0)]);
    end.data(3);
    assert_eq!(end.sent(), []);
    let sequence = end.number();
    end.step(SenderEvent::Resumed { sequence, checkpoint: CheckpointId(5) });
    assert_eq!(end.sent(), [(What::Data(2), 1)]);
}

#[test]
fn a_sender_stops_at_its_high_mark_and_goes_on_at_its_low_one() {
    let mut end = End::new(false);
    end.credit(100);
    (0..20).for_each(|payload| end.data(payload));
    assert_eq!(end.sent().len(), 10, "ten times 100 bytes reach the mark");
    end.step(SenderEvent::Written(500));
    assert_eq!(end.sent(), [], "still above the low mark");
    end.step(SenderEvent::Written(100));
    assert_eq!(end.sent().len(), 6);
    let urgent = barrier(1, BarrierKind::Unaligned);
    assert_eq!(end.event(urgent).len(), 4);
    assert_eq!(end.sent().len(), 1, "what overtakes passes the mark");
}

#[test]
fn a_peer_that_breaks_the_protocol_is_named_by_what_it_did() {
    let mut end = End::new(false);
    let credit = |sequence, credit| SenderEvent::Credit { sequence: SeqNo(sequence), credit };
    let (expected, found) = (SeqNo(0), SeqNo(2));
    let check = |sender: &mut Sender<u32>, event, error| {
        assert_eq!(sender.step(event), Err(error));
    };
    check(&mut end.sender, credit(2, 1), FlowError::Lost { expected, found });
    let lost = FlowError::Lost { expected, found }.to_string();
    assert_eq!(lost, "frame 2 came where 0 belongs: 2 frames were lost or overtaken");
    end.credit(1);
    let (expected, found) = (SeqNo(1), SeqNo(0));
    check(&mut end.sender, credit(0, 1), FlowError::Repeated { expected, found });
    let overflow = FlowError::CreditOverflow { before: 1, added: CREDIT_MAX };
    check(&mut end.sender, credit(1, CREDIT_MAX), overflow);
    let resumed = SenderEvent::Resumed { sequence: SeqNo(2), checkpoint: CheckpointId(9) };
    check(&mut end.sender, resumed, FlowError::Resumed { checkpoint: CheckpointId(9) });
}

#[test]
fn a_receiver_takes_what_it_promised_and_nothing_else() {
    let mut receiver = Receiver::new();
    let came = |sequence, what| ReceiverEvent::Came { sequence: SeqNo(sequence), what };
    assert_eq!(receiver.step(came(0, Came::Data)), Err(FlowError::NoCredit));
    receiver.step(ReceiverEvent::Granted(1)).expect("that is ours");
    assert_eq!(receiver.step(came(1, Came::Data)), Ok(()));
    let end = Came::Event(WireEvent::InChannel(Event::EndOfPartition));
    assert_eq!(receiver.step(came(2, end)), Ok(()));
    assert!(receiver.has_ended());
    assert_eq!(receiver.step(came(3, Came::Backlog)), Err(FlowError::AfterEnd));
}

#[test]
fn a_receiver_keeps_a_bounded_number_of_events() {
    let mut receiver = Receiver::new();
    let cancel = Event::CancelCheckpoint(CheckpointId(1));
    let what = Came::Event(WireEvent::InChannel(cancel));
    let mut number = 0;
    let mut come = |receiver: &mut Receiver| {
        let sequence = SeqNo(number);
        number += 1;
        receiver.step(ReceiverEvent::Came { sequence, what })
    };
    for _ in 0..EVENTS_UNREAD_MAX {
        assert_eq!(come(&mut receiver), Ok(()));
    }
    receiver.step(ReceiverEvent::EventsRead(1)).expect("that is ours");
    assert_eq!(come(&mut receiver), Ok(()));
    let count = EVENTS_UNREAD_MAX + 1;
    assert_eq!(come(&mut receiver), Err(FlowError::Events { count }));
}

/// Gives out all that a gate's shares allow.
fn given(shares: &mut GateShares) -> Vec<u32> {
    let mut given = Vec::new();
    while let Some(channel) = shares.next() {
        shares.verify_invariants();
        given.push(channel.0);
    }
    given
}

#[test]
fn each_channel_has_its_own_and_those_that_wait_take_turns_for_the_rest() {
    let mut shares = GateShares::new(3, ShareOptions { exclusive: 1, floating: 3 });
    assert_eq!(given(&mut shares), [0, 1, 2]);
    shares.step(ChannelIndex(1), ShareEvent::Backlog(10));
    shares.step(ChannelIndex(2), ShareEvent::Backlog(10));
    assert_eq!(given(&mut shares), [1, 2, 1], "three float");
    shares.step(ChannelIndex(0), ShareEvent::Backlog(10));
    shares.step(ChannelIndex(1), ShareEvent::Arrived);
    assert_eq!(given(&mut shares), [], "what the reader has still counts");
    shares.step(ChannelIndex(1), ShareEvent::Returned(1));
    assert_eq!(given(&mut shares), [2], "whose turn it was");
    shares.step(ChannelIndex(1), ShareEvent::Closed);
    assert_eq!(given(&mut shares), [0]);
    assert_eq!(shares.out(ChannelIndex(1)), 0);
}

proptest! {
    #[test]
    fn floats_are_bounded_and_nobody_is_without_its_own(
        exclusive in 0u32..3,
        floating in 1u32..5,
        steps in proptest::collection::vec((0u32..4, 0u32..4, 0u32..6), 0..200),
    ) {
        let options = ShareOptions { exclusive, floating };
        let mut shares = GateShares::new(4, options);
        let mut held = [0u32; 4];
        let mut queued = [0u32; 4];
        let mut closed = [false; 4];
        for (channel, kind, value) in steps {
            while let Some(given) = shares.next() {
                held[given.position()] += 1;
            }
            for at in 0..4 {
                prop_assert!(closed[at] || held[at] + queued[at] >= exclusive);
                prop_assert_eq!(shares.out(ChannelIndex(at as u32)), held[at] + queued[at]);
            }
            let total: u32 = held.iter().chain(&queued).sum();
            prop_assert!(total <= options.total(4));
            let at = channel as usize;
            let event = match kind {
                0 if !closed[at] => ShareEvent::Backlog(value),
                1 if held[at] > 0 => {
                    held[at] -= 1;
                    queued[at] += 1;
                    ShareEvent::Arrived
                }
                2 if queued[at] > 0 => {
                    let back = value.min(queued[at]);
                    queued[at] -= back;
                    ShareEvent::Returned(back)
                }
                3 if value == 0 => {
                    closed[at] = true;
                    held[at] = 0;
                    ShareEvent::Closed
                }
                _ => continue,
            };
            shares.step(ChannelIndex(channel), event);
            shares.verify_invariants();
        }
    }
}
