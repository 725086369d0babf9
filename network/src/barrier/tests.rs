//! Partitions, a gate and the alignment together: what a checkpoint holds of a channel
//! is what its producer had written before its barrier.

use std::{cell::RefCell, rc::Rc, task::Waker};

use super::*;
use crate::{
    CapturedOutput, ChannelIndex, Event, InputGate, Item, Outgoing, PartitionOptions, Polled, Port,
    ReadyList, ResultPartition,
    frame::{self, BUFFER_HEADER, FrameClass},
};
use brisk_memory::{Arena, ArenaOptions, Buffer, PoolOptions, SegmentCount, SegmentSize};
use proptest::{collection::vec, prelude::*};

const CHANNELS: usize = 2;
const RECORD_BYTES: usize = 900;

struct Producer {
    partition: ResultPartition,
    channel: ChannelIndex,
    written: u32,
    /// How many records were written before each barrier.
    marks: Vec<u32>,
    captured: Vec<Vec<u32>>,
}

impl Producer {
    fn write(&mut self) {
        if self.partition.room() == crate::Room::Short && !self.partition.has_room() {
            return;
        }
        let mut bytes = vec![0u8; RECORD_BYTES];
        bytes[..4].copy_from_slice(&self.written.to_le_bytes());
        let zero = ChannelIndex(0);
        let fits = self.partition.builder(zero).append(0, &bytes)
            || self.partition.roll(zero) && self.partition.builder(zero).append(0, &bytes);
        if !fits {
            let class = FrameClass::Plain;
            let outgoing = Outgoing { channel: zero, key_hash: 0, class, bytes: &bytes };
            let _ = self.partition.append_large(outgoing);
        }
        self.written += 1;
    }

    fn send_barrier(&mut self, kind: BarrierKind) {
        let checkpoint = CheckpointId(self.marks.len() as u64);
        let barrier = CheckpointBarrier { checkpoint, started_ms: 0, kind };
        let captured = self.partition.send_barrier(barrier);
        self.captured.push(captured.iter().flat_map(numbers_of_output).collect());
        self.marks.push(self.written);
    }
}

fn number(record: &[u8]) -> u32 {
    u32::from_le_bytes(*record.first_chunk().expect("records begin with their number"))
}

/// The records that begin in a buffer.
fn numbers(buffer: &Buffer) -> Vec<u32> {
    let (mut position, mut found) = (BUFFER_HEADER, Vec::new());
    while let Some(frame) = frame::frame_at(buffer, position) {
        if frame.header.begins_record() {
            found.push(number(frame.payload));
        }
        position = frame.next;
    }
    found
}

fn numbers_of_output(output: &CapturedOutput) -> Vec<u32> {
    let mut found: Vec<u32> = output.buffers.iter().flat_map(numbers).collect();
    let whole = output.waiting.iter().filter(|record| !record.is_begun);
    found.extend(whole.map(|record| number(&record.bytes)));
    found
}

/// What a checkpoint holds of each channel's input.
type Cut = [Vec<u32>; CHANNELS];

struct Reader {
    gate: Rc<RefCell<InputGate>>,
    alignment: Option<Alignment>,
    timer: Option<CheckpointId>,
    read: Cut,
    triggered: Vec<(CheckpointId, Cut)>,
    complete: Vec<(CheckpointId, Cut)>,
}

impl Reader {
    /// Reads one item; false when there is none.
    fn read(&mut self) -> bool {
        let polled = self.gate.borrow_mut().poll();
        match polled {
            Polled::Item(channel, Item::Buffer(buffer)) => {
                self.read[channel.position()].extend(numbers(&buffer));
            }
            Polled::Item(channel, Item::Event(Event::Barrier(barrier))) => {
                self.step(BarrierEvent::Received(Arrival { channel, barrier, now_ms: 0 }));
            }
            Polled::Item(channel, Item::Event(Event::CancelCheckpoint(checkpoint))) => {
                self.step(BarrierEvent::Canceled { channel, checkpoint });
            }
            Polled::Item(channel, Item::Event(Event::EndOfPartition)) => {
                self.step(BarrierEvent::Ended { channel });
            }
            Polled::Announced(channel, barrier) => {
                self.step(BarrierEvent::Announced(Arrival { channel, barrier, now_ms: 0 }));
            }
            Polled::Closed(channel, checkpoint) => {
                self.step(BarrierEvent::Closed { channel, checkpoint });
            }
            Polled::Empty | Polled::Ended => return false,
        }
        self.gate.borrow().verify_invariants();
        true
    }

    fn time_out(&mut self) {
        if let Some(checkpoint) = self.timer.take() {
            self.step(BarrierEvent::TimedOut { checkpoint });
        }
    }

    fn step(&mut self, event: BarrierEvent) {
        let alignment = self.alignment.take().expect("it is put back");
        let (alignment, actions) = alignment.step(event);
        alignment.verify_invariants();
        self.alignment = Some(alignment);
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: BarrierAction) {
        let mut gate = self.gate.borrow_mut();
        match action {
            BarrierAction::Block(channel) => gate.block(channel),
            BarrierAction::Unblock(channel) => gate.unblock(channel),
            BarrierAction::StartTimer { checkpoint, .. } => self.timer = Some(checkpoint),
            BarrierAction::Trigger(barrier) if barrier.overtakes() => {
                self.triggered.push((barrier.checkpoint, self.read.clone()));
            }
            BarrierAction::Trigger(barrier) => {
                self.complete.push((barrier.checkpoint, self.read.clone()));
            }
            BarrierAction::Capture { channel, checkpoint } => gate.capture(channel, checkpoint),
            BarrierAction::Captured(checkpoint) => {
                let (id, mut cut) = self.triggered.pop().expect("it was triggered");
                assert_eq!(id, checkpoint);
                for (channel, buffers) in gate.take_captured(checkpoint) {
                    cut[channel.position()].extend(buffers.iter().flat_map(numbers));
                }
                self.complete.push((checkpoint, cut));
            }
            BarrierAction::Abort { .. } => panic!("nothing was given up"),
        }
    }
}

struct Set {
    arena: Arena,
    producers: Vec<Producer>,
    reader: Reader,
}

fn set() -> Set {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(4096).expect("a legal size"),
        network: SegmentCount(12),
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for a test");
    let gate = InputGate::new(CHANNELS, ReadyList::new().signal(0));
    let gate = Rc::new(RefCell::new(gate));
    let producer = |channel| {
        let pool = arena.network().create_pool(PoolOptions {
            owner: "a test".to_string(),
            required: SegmentCount(5),
            max: SegmentCount(5),
            overdraft: SegmentCount(1),
            waker: Waker::noop().clone(),
        });
        let ports = vec![Port::Local { gate: Rc::clone(&gate), channel }];
        let options = PartitionOptions { pool: pool.expect("it fits"), ports, broadcast: false };
        let partition = ResultPartition::new(options);
        Producer { partition, channel, written: 0, marks: Vec::new(), captured: Vec::new() }
    };
    let producers = (0..CHANNELS as u32).map(ChannelIndex).map(producer).collect();
    let alignment = Some(Alignment::new(CHANNELS as u32, Guarantee::ExactlyOnce));
    let reader = Reader {
        gate,
        alignment,
        timer: None,
        read: Cut::default(),
        triggered: Vec::new(),
        complete: Vec::new(),
    };
    Set { arena, producers, reader }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Flush(usize),
    Barrier(usize),
    Read,
    TimeOut,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let of_producer = 0..CHANNELS;
    vec(
        prop_oneof![
            8 => of_producer.clone().prop_map(Step::Write),
            2 => of_producer.clone().prop_map(Step::Flush),
            1 => of_producer.prop_map(Step::Barrier),
            4 => Just(Step::Read),
            1 => Just(Step::TimeOut),
        ],
        0..150,
    )
}

proptest! {
    #[test]
    fn a_checkpoint_holds_what_was_written_before_its_barriers(
        steps in steps(),
        kind in prop_oneof![
            Just(BarrierKind::Aligned),
            Just(BarrierKind::AlignedUntil(Duration::from_secs(1))),
            Just(BarrierKind::Unaligned),
        ],
    ) {
        let Set { arena, mut producers, mut reader } = set();
        for step in steps {
            match step {
                Step::Write(at) => producers[at].write(),
                Step::Flush(at) => drop(producers[at].partition.flush()),
                Step::Barrier(at) => {
                    // As a coordinator that waits for the end of each checkpoint.
                    let (mine, over) = (producers[at].marks.len(), reader.complete.len());
                    if mine == over {
                        producers[at].send_barrier(kind);
                    }
                }
                Step::Read => drop(reader.read()),
                Step::TimeOut => reader.time_out(),
            }
        }
        let begun = producers.iter().map(|producer| producer.marks.len()).max().unwrap_or(0);
        for producer in &mut producers {
            if producer.marks.len() < begun {
                producer.send_barrier(kind);
            }
            while !producer.partition.end() {
                reader.read();
            }
        }
        while reader.read() {}
        prop_assert_eq!(reader.complete.len(), begun);
        for (CheckpointId(id), cut) in &reader.complete {
            for producer in &producers {
                let mut held = cut[producer.channel.position()].clone();
                held.extend(&producer.captured[*id as usize]);
                let expected = 0..producer.marks[*id as usize];
                prop_assert!(held.into_iter().eq(expected), "checkpoint {} of {:?}", id, producer.channel);
            }
        }
        for producer in &producers {
            prop_assert!(reader.read[producer.channel.position()].iter().copied().eq(0..producer.written));
        }
        drop((producers, reader));
        prop_assert!(arena.verify_conservation().is_ok());
        prop_assert_eq!(arena.network().lent(), SegmentCount(0));
    }
}

#[test]
fn what_was_captured_is_replayed_first() {
    let Set { arena: _arena, mut producers, mut reader } = set();
    let producer = &mut producers[0];
    (0..7).for_each(|_| producer.write());
    let captured = producer.partition.send_barrier(CheckpointBarrier {
        checkpoint: CheckpointId(0),
        started_ms: 0,
        kind: BarrierKind::Unaligned,
    });
    let [CapturedOutput { buffers, .. }] = &captured[..] else {
        panic!("one buffer was open: {captured:?}")
    };
    assert!(reader.read(), "the barrier comes first");
    let sent = reader.gate.borrow_mut().take_captured(CheckpointId(0));
    let [(channel, in_gate)] = &sent[..] else { panic!("one buffer was under way: {sent:?}") };
    let Set { arena: _arena, producers: mut again, reader: mut restored } = set();
    again[0].partition.restore(ChannelIndex(0), buffers.clone(), Vec::new());
    again[0].written = 7;
    again[0].write();
    restored.gate.borrow_mut().restore(*channel, in_gate.clone());
    assert!(again[0].partition.end());
    while restored.read() {}
    assert!(restored.read[0].iter().copied().eq(0..8), "{:?}", restored.read);
}
