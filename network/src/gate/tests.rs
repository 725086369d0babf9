use super::*;
use crate::ReadyList;
use proptest::prelude::*;

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
