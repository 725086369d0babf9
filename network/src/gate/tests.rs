use super::*;
use crate::{ReadyList, barrier::BarrierKind};
use proptest::prelude::*;
use std::time::Duration;

fn gate(channels: usize) -> (InputGate, Rc<ReadyList>) {
    let list = ReadyList::new();
    (InputGate::new(channels, list.signal(7)), list)
}

fn end() -> Item {
    Item::Event(Event::EndOfPartition)
}

/// The channels whose ends are read, in order, until the gate has nothing more.
fn read(gate: &mut InputGate) -> Vec<u32> {
    let mut found = Vec::new();
    while let Polled::Item(channel, _) = gate.poll() {
        found.push(channel.0);
        gate.verify_invariants();
    }
    found
}

#[test]
fn a_gate_ends_with_its_last_channel() {
    let (mut gate, list) = gate(3);
    assert!(!gate.has_input());
    gate.deliver(ChannelIndex(2), end());
    gate.deliver(ChannelIndex(0), end());
    assert_eq!(list.len(), 1, "one signal, however much there is");
    assert_eq!(list.next(), Some(7));
    assert_eq!(read(&mut gate), [2, 0]);
    assert!(matches!(gate.poll(), Polled::Empty));
    gate.deliver(ChannelIndex(1), end());
    assert_eq!(read(&mut gate), [1]);
    assert!(matches!(gate.poll(), Polled::Ended));
    assert!(gate.has_input(), "the end is something to read");
}

#[test]
#[should_panic(expected = "after its end")]
fn nothing_comes_after_the_end() {
    let (mut gate, _list) = gate(1);
    gate.deliver(ChannelIndex(0), end());
    gate.deliver(ChannelIndex(0), end());
}

proptest! {
    #[test]
    fn every_order_of_ends_is_read_in_that_order(order in Just((0u32..20).collect::<Vec<_>>()).prop_shuffle()) {
        let (mut gate, _list) = gate(20);
        for channel in &order {
            gate.deliver(ChannelIndex(*channel), end());
        }
        prop_assert_eq!(read(&mut gate), order);
    }
}

fn barrier(checkpoint: u64, kind: BarrierKind) -> CheckpointBarrier {
    CheckpointBarrier { checkpoint: CheckpointId(checkpoint), started_ms: 0, kind }
}

fn event(barrier: CheckpointBarrier) -> Item {
    Item::Event(Event::Barrier(barrier))
}

#[test]
fn a_blocked_channel_waits_but_for_a_barrier_that_overtakes() {
    let (mut gate, _list) = gate(2);
    gate.deliver(ChannelIndex(0), event(barrier(1, BarrierKind::Aligned)));
    gate.block(ChannelIndex(0));
    gate.deliver(ChannelIndex(0), event(barrier(2, BarrierKind::Aligned)));
    assert!(!gate.has_input() && matches!(gate.poll(), Polled::Empty));
    let urgent = barrier(3, BarrierKind::Unaligned);
    gate.deliver(ChannelIndex(0), event(urgent));
    let polled = gate.poll();
    assert!(matches!(polled, Polled::Item(_, Item::Event(Event::Barrier(b))) if b == urgent));
    assert!(matches!(gate.poll(), Polled::Empty));
    gate.unblock(ChannelIndex(0));
    gate.deliver(ChannelIndex(0), end());
    assert_eq!(read(&mut gate), [0, 0, 0], "two barriers and the end; the urgent one is skipped");
}

#[test]
fn a_barrier_with_limited_time_is_announced_and_may_still_overtake() {
    let (mut gate, _list) = gate(1);
    let limited = barrier(1, BarrierKind::AlignedUntil(Duration::from_secs(1)));
    gate.deliver(ChannelIndex(0), event(barrier(0, BarrierKind::Aligned)));
    gate.deliver(ChannelIndex(0), event(limited));
    assert!(matches!(gate.poll(), Polled::Announced(ChannelIndex(0), found) if found == limited));
    gate.capture(ChannelIndex(0), CheckpointId(1));
    let polled = gate.poll();
    assert!(matches!(polled, Polled::Item(_, Item::Event(Event::Barrier(b))) if b == limited));
    assert!(gate.take_captured(CheckpointId(1)).is_empty(), "no buffer was before it");
    assert_eq!(read(&mut gate), [0], "the earlier barrier");
}

#[test]
fn a_capture_ends_with_its_channel_whether_the_end_waits_or_comes() {
    let (mut gate, _list) = gate(2);
    gate.deliver(ChannelIndex(0), end());
    gate.block(ChannelIndex(0));
    gate.capture(ChannelIndex(0), CheckpointId(4));
    assert!(matches!(gate.poll(), Polled::Closed(ChannelIndex(0), CheckpointId(4))));
    gate.capture(ChannelIndex(1), CheckpointId(4));
    assert!(matches!(gate.poll(), Polled::Empty), "a barrier may still come");
    gate.deliver(ChannelIndex(1), end());
    assert!(gate.has_urgent());
    assert!(matches!(gate.poll_urgent(), Some(Polled::Closed(ChannelIndex(1), CheckpointId(4)))));
    gate.unblock(ChannelIndex(0));
    assert_eq!(read(&mut gate), [1, 0], "the ends are read once, in their turn");
    assert!(matches!(gate.poll(), Polled::Ended));
}
